// How long it takes to run `true` on every node over new connections: fleet's own connections, as a process of their own, and the
// system's ssh under xargs. Both do ten nodes at a time. `fleet exec` will take the place of the small program here.
import { fileURLToPath } from 'node:url'
import { startLab, whyNoLab } from '../test/lab/lab.ts'
import type { BenchmarkOptions } from './benchmark.ts'
import { atMost, judge, shownBeside, unmeasured, type Figure } from './figure.ts'
import { sshOptions } from './ssh-options.ts'
import { median } from './statistics.ts'
import { timedRun, type TimedRun } from './timed-run.ts'

const PROGRAM = fileURLToPath(new URL('./programs/run-everywhere.ts', import.meta.url))
const PEER = 'ssh under xargs -P10'

export async function exec({ signal, say, nodes = 10, runs = 5 }: BenchmarkOptions): Promise<readonly Figure[]> {
  const figure = `exec true on ${nodes} nodes`
  const reason = whyNoLab()
  if (reason !== undefined) return [unmeasured(figure, 's', reason)]
  await using lab = await startLab({ nodes })
  const addresses = lab.nodes.map(({ address }) => address)
  const ours: TimedRun[] = []
  const peers: TimedRun[] = []
  for (let run = 1; run <= runs; run += 1) {
    say(`run ${run} of ${runs}`)
    ours.push(
      await timedRun([process.execPath, PROGRAM, lab.knownHostsFile, lab.keyFile, '10', ...addresses], { signal }),
    )
    const ssh = ['xargs', '-P10', '-I{}', 'ssh', '-n', ...sshOptions(lab), 'root@{}', 'true']
    peers.push(await timedRun(ssh, { signal, stdin: `${addresses.join('\n')}\n` }))
  }
  const note = `key exchange differs: OpenSSH's default is post-quantum (sntrup761), ssh2 offers curve25519`
  return [
    judge({
      figure,
      unit: 's',
      ours: median(ours.map(({ wallS }) => wallS)),
      peers: { [PEER]: median(peers.map(({ wallS }) => wallS)) },
      goal: atMost(0.4, PEER),
      note,
    }),
    judge({
      figure: `${figure}, CPU of the control side`,
      unit: 'CPU s',
      ours: median(ours.map(({ cpuS }) => cpuS)),
      peers: { [PEER]: median(peers.map(({ cpuS }) => cpuS)) },
      goal: shownBeside(PEER),
    }),
  ]
}
