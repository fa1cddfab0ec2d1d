// upload-way.ts KEY MEGABYTES cat|sftp,WRITES,BYTES ADDRESS...: brings as many random bytes to all of these nodes at once, by ssh2 with fleet's
// changes. SFTP has so many writes of so many bytes under way. For measuring only: host keys are not checked.
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import ssh2, { type Client } from 'ssh2'
import { lightenPackets } from '../../src/ssh/light-packets.ts'

const [keyFile = '', megabytes = '', way = '', ...addresses] = process.argv.slice(2)
const [kind, writes = '', writeBytes = ''] = way.split(',')
const bytes = randomBytes(Number(megabytes) * 1_000_000)
const privateKey = readFileSync(keyFile)
await Promise.all(addresses.map(upload))

async function upload(host: string): Promise<void> {
  const client = new ssh2.Client()
  const sock = connect({ host, port: 22, noDelay: true })
  await new Promise<void>((resolve, reject) => {
    client.once('ready', () => resolve()).on('error', reject)
    client.connect({ sock, username: 'root', privateKey, hostVerifier: () => true })
    lightenPackets(client, sock)
  })
  await (kind === 'cat' ? stream(client) : write(client))
  client.end()
}

function stream(client: Client): Promise<void> {
  return new Promise((resolve, reject) => {
    client.exec('cat >/root/upload', (error, channel) => {
      if (error !== undefined) {
        reject(error)
        return
      }
      channel.resume().once('close', resolve)
      channel.stderr.resume()
      channel.end(bytes)
    })
  })
}

function write(client: Client): Promise<void> {
  return new Promise((resolve, reject) => {
    client.sftp((error, sftp) => {
      if (error !== undefined) {
        reject(error)
        return
      }
      sftp.open('/root/upload', 'w', (failure, handle) => {
        if (failure !== undefined) {
          reject(failure)
          return
        }
        const pieceBytes = Number(writeBytes)
        let at = 0
        let underWay = 0
        const next = (): void => {
          if (at >= bytes.length) {
            if (underWay === 0) sftp.close(handle, () => resolve())
            return
          }
          const from = at
          at = Math.min(bytes.length, from + pieceBytes)
          underWay += 1
          sftp.write(handle, bytes, from, at - from, from, (fault) => {
            underWay -= 1
            if (fault === undefined || fault === null) next()
            else reject(fault)
          })
        }
        for (let one = 0; one < Number(writes); one += 1) next()
      })
    })
  })
}
