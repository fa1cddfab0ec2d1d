// bare-ssh2.ts KNOWN_HOSTS KEY PARALLEL ADDRESS...: the least that a program on ssh2 can do. It connects, compares the host key with
// the one that is recorded for the address, runs `true` and ends. Prints the key exchange and the cipher of the first connection.
import { readFileSync } from 'node:fs'
import ssh2 from 'ssh2'

const [knownHosts = '', keyFile = '', parallel = '', ...addresses] = process.argv.slice(2)
const privateKey = readFileSync(keyFile)
const hostKeys = new Map(
  readFileSync(knownHosts, 'utf8')
    .trim()
    .split('\n')
    .map((line) => {
      const [name = '', , blob = ''] = line.split(' ')
      return [name, Buffer.from(blob, 'base64')]
    }),
)
// Shared by all lanes: each takes the next address that nobody has taken.
const remaining = addresses.values()
await Promise.all(Array.from({ length: Number(parallel) }, lane))

async function lane(): Promise<void> {
  for (const address of remaining) await runTrue(address)
}

function runTrue(host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const client = new ssh2.Client()
    client.on('error', reject)
    // Before there is a connection this call has no effect.
    client.on('connect', () => client.setNoDelay(true))
    client.on('close', resolve)
    if (host === addresses[0]) client.once('handshake', ({ kex, cs }) => console.log(`${kex}, ${cs.cipher}`))
    client.on('ready', () => {
      client.exec('true', (error, channel) => {
        if (error !== undefined) {
          reject(error)
          return
        }
        channel.on('exit', (code: number | null) => {
          if (code !== 0) reject(new Error(`${host} answered with exit code ${String(code)}`))
        })
        channel.on('close', () => client.end()).resume()
        channel.stderr.resume()
      })
    })
    const hostVerifier = (key: Buffer): boolean => hostKeys.get(host)?.equals(key) === true
    client.connect({ host, username: 'root', privateKey, hostVerifier })
  })
}
