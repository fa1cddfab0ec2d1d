// Dropbear as the server, of whatever version: everything that a transport promises holds there too, and its limits are kept.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { channelLimit } from '../../src/ssh/channel-limit.ts'
import { transportContract, type Stage } from '../ssh/transport-contract.ts'
import { describeOnLab } from './describe-on-lab.ts'
import { startLab, type Lab } from './lab.ts'
import { ask, labTarget, labTransport, verdictOf } from './lab-targets.ts'
import { must } from './node-changes.ts'
import { createOperator, nodesOf } from './operator.ts'

const PORT = 2222
/** Dropbear closes the sixth connection of an address that has not logged in (MAX_UNAUTH_PER_IP, 5). */
const OPERATORS = 20

/** `tree`: see `LabOptions`. */
export function dropbearSuite(name: string, tree: string | undefined): void {
  describeOnLab(name, () => {
    let lab: Lab
    let knownHostsFile: string

    const begin = async (): Promise<void> => {
      lab = await startLab({ nodes: 1, ...(tree === undefined ? {} : { tree }) })
      knownHostsFile = await startDropbear(lab, 1)
    }

    const stage = async (): Promise<Stage> => {
      await begin()
      const transport = labTransport({ knownHostsFile })
      const target = labTarget(lab, 1, { port: PORT })
      const connection = await transport.connect(target)
      const greeting = connection.facts?.greeting ?? ''
      await connection.close()
      process.stderr.write(`${name}: ${greeting}\n`)
      // Dropbear 2022.82 to 2024.85 closes channels by mistake while other commands end.
      return { transport, target, atOnce: channelLimit(greeting), close: () => lab.dispose() }
    }
    transportContract(`ssh2 with ${name}`, stage, { passesSignals: true })

    describe('a node', () => {
      beforeAll(begin)

      afterAll(async () => {
        await lab.dispose()
      })

      it('is reached by twenty at once, although it takes five', async () => {
        const transports = Array.from({ length: OPERATORS }, () => labTransport({ knownHostsFile }, { retries: 12 }))
        const verdicts = await Promise.all(
          transports.map((transport) => verdictOf(ask(transport, labTarget(lab, 1, { port: PORT }), 'true'))),
        )
        await Promise.all(transports.map((transport) => transport.close()))
        expect(verdicts).toEqual(Array(OPERATORS).fill('ok'))
      })

      it('gives the places of commands away that outlive their calls', async () => {
        const transport = labTransport({ knownHostsFile })
        const connection = await transport.connect(labTarget(lab, 1, { port: PORT }))
        const deaf = Array.from({ length: channelLimit(connection.facts?.greeting ?? '') }, () => {
          const controller = new AbortController()
          const onStdout = (): void => controller.abort()
          const line = `trap '' TERM; echo; n=0; until [ -e /tmp/over ] || [ $n -gt 600 ]; do n=$((n + 1)); sleep 0.1; done`
          return verdictOf(connection.exec(line, { signal: controller.signal, onStdout }))
        })
        expect(new Set(await Promise.all(deaf))).toEqual(new Set(['FLEET_SSH_ABORTED']))
        expect((await connection.exec('touch /tmp/over; echo free')).stdout).toBe('free\n')
        await transport.close()
      })

      it('takes a push', async () => {
        const work = join(lab.shared.here, 'work')
        writeFileSync(work, '#!/bin/sh\n', { mode: 0o755 })
        const inventory = lab.inventoryYml().replace('port: 22', `port: ${PORT}`)
        await using operator = await createOperator({ inventory, knownHostsFile, release: [work] })
        const push = await operator.fleet('push', '--json')
        const log = readFileSync(join(lab.shared.here, 'dropbear.log'), 'utf8')
        expect(nodesOf(push), push.stderr + log).toMatchObject([{ ok: true, outcome: 'pushed' }])
        expect(nodesOf(await operator.fleet('push', '--json'))).toMatchObject([{ ok: true, outcome: 'unchanged' }])
      })
    })
  })
}

/** Starts it with a new host key, and returns the known_hosts file that names it. */
async function startDropbear(lab: Lab, node: number): Promise<string> {
  const shared = lab.shared.onNodes
  await must(
    lab,
    node,
    `mkdir -p /etc/dropbear && cd /etc/dropbear && dropbearkey -t ed25519 -f key >/dev/null 2>&1 &&
     dropbearkey -y -f key | grep ^ssh- >${shared}/dropbear.pub &&
     { /usr/sbin/dropbear -E -F -s -r /etc/dropbear/key -p ${PORT} >${shared}/dropbear.log 2>&1 </dev/null & }`,
  )
  const port = PORT.toString(16).toUpperCase().padStart(4, '0')
  await must(
    lab,
    node,
    `timeout 10 sh -c 'until grep -q ":${port} 00000000:0000 0A" /proc/net/tcp; do sleep 0.05; done'`,
  )
  const [type, key] = readFileSync(join(lab.shared.here, 'dropbear.pub'), 'utf8').split(' ')
  const file = join(lab.shared.here, 'dropbear_known_hosts')
  writeFileSync(file, `[${lab.nodes[node - 1]?.address ?? ''}]:${PORT} ${type ?? ''} ${key ?? ''}\n`)
  return file
}
