// A program (FILE COUNT KEY): records KEY for the nodes n1 to nCOUNT in the known_hosts FILE, all at once, when its stdin ends.
import { once } from 'node:events'
import { parseNodeName } from '../../src/core/index.ts'
import { createTrustStore } from '../../src/ssh/host-trust.ts'

const [file = '', count = '', key = ''] = process.argv.slice(2)
const blob = Buffer.from(key, 'base64')
const store = createTrustStore({ files: [file], acceptNew: true })
process.stdout.write('ready\n')
process.stdin.resume()
await once(process.stdin, 'end')
await Promise.all(
  Array.from({ length: Number(count) }, async (_, index) => {
    const node = parseNodeName(`n${index + 1}`)
    const trust = await store.look({ node, address: node, port: 22, user: 'root', identities: [] })
    await trust.record(blob)
  }),
)
