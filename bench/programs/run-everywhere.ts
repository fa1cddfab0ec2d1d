// run-everywhere.ts KNOWN_HOSTS KEY PARALLEL ADDRESS...: connect, run `true`, close, on every address. Throws when one fails.
import { parseNodeName } from '../../src/core/index.ts'
import { createSsh2Transport } from '../../src/ssh/index.ts'

const [knownHosts = '', key = '', parallel = '', ...addresses] = process.argv.slice(2)
const transport = createSsh2Transport({ knownHosts: { files: [knownHosts], acceptNew: false } })
// Shared by all lanes: each takes the next address that nobody has taken.
const remaining = addresses.values()
await Promise.all(Array.from({ length: Number(parallel) }, lane))

async function lane(): Promise<void> {
  for (const address of remaining) {
    const connection = await transport.connect({
      node: parseNodeName(address),
      address,
      port: 22,
      user: 'root',
      identities: [key],
    })
    const { exitCode } = await connection.exec('true')
    await connection.close()
    if (exitCode !== 0) throw new Error(`${address} answered with exit code ${String(exitCode)}`)
  }
}
