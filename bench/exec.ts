// How long it takes to run `true` on every node over new connections: `fleet exec` and its peers, each as whole processes, taking
// turns on the same lab; what a start costs; and four times as many nodes.
import { startLab, whyNoLab, type Lab } from '../test/lab/lab.ts'
import type { BenchmarkOptions } from './benchmark.ts'
import { bareAlgorithms, fabricAlgorithms, fleetAlgorithms, sshAlgorithms } from './exec/algorithms.ts'
import {
  ANSIBLE,
  BARE_SSH2,
  bareSsh2,
  CLUSH,
  FABRIC,
  fleetExec,
  PARALLEL_SSH,
  peersOnSsh,
  type Contender,
} from './exec/contenders.ts'
import { helpFigure } from './exec/help.ts'
import { installPeers, peerVersions } from './exec/install-peers.ts'
import { manyNodesFigures } from './exec/many-nodes.ts'
import { labNodes } from './exec/nodes.ts'
import { takeTurns, type Turns } from './exec/turns.ts'
import { atMost, judge, shownBeside, unmeasured, type Figure } from './figure.ts'
import { temporaryFolder } from './temporary-folder.ts'

/** What ours may take, as a part of theirs. */
const GOALS: readonly (readonly [peer: string, factor: number])[] = [
  [CLUSH, 0.4],
  [PARALLEL_SSH, 0.4],
  [ANSIBLE, 0.25],
  [FABRIC, 1.1],
  [BARE_SSH2, 1.3],
]

export async function exec(options: BenchmarkOptions): Promise<readonly Figure[]> {
  const { signal, say, nodes: count = 50, runs = 5 } = options
  await using folder = await temporaryFolder()
  say('fleet --help')
  const help = await helpFigure(folder.path, runs * 4 + 1, signal)
  const figure = `exec true on ${count} nodes`
  const reason = whyNoLab()
  if (reason !== undefined) return [unmeasured(figure, 's', reason), help]

  const missing = await installPeers(options)
  say(await peerVersions(signal))
  await using lab = await startLab({ nodes: count })
  const nodes = await labNodes(lab, folder.path)
  const ours = fleetExec(nodes, folder.path)
  const peers = [bareSsh2(nodes, lab.keyFile, folder.path), ...(await peersOnSsh(lab, nodes, folder.path))]
  const turns = await takeTurns([ours, ...peers], { missing, runs, signal, say, cwd: folder.path })
  const notes = await algorithmNotes(lab, turns)
  return [
    ...GOALS.map(([peer, factor]) => besideFigure(figure, turns, ours, peer, factor, notes.get(peer))),
    cpuFigure(figure, turns, ours, peers),
    ...(await manyNodesFigures(lab, { nodes, folder: folder.path, runs, signal, say })),
    help,
  ]
}

function besideFigure(
  figure: string,
  turns: Turns,
  ours: Contender,
  peer: string,
  factor: number,
  note: string | undefined,
): Figure {
  const name = `${figure}, beside ${peer}`
  const why = turns.failure(ours.name) ?? turns.failure(peer)
  if (why !== undefined) return unmeasured(name, 's', why)
  const peers = { [peer]: turns.wallS(peer) }
  return judge({ figure: name, unit: 's', ours: turns.wallS(ours.name), peers, goal: atMost(factor, peer), note })
}

function cpuFigure(figure: string, turns: Turns, ours: Contender, peers: readonly Contender[]): Figure {
  const name = `${figure}, CPU of the control side`
  const why = turns.failure(ours.name)
  if (why !== undefined) return unmeasured(name, 'CPU s', why)
  const measured = peers.filter((peer) => turns.failure(peer.name) === undefined)
  return judge({
    figure: name,
    unit: 'CPU s',
    ours: turns.cpuS(ours.name),
    peers: Object.fromEntries(measured.map((peer) => [peer.name, turns.cpuS(peer.name)])),
    goal: shownBeside(BARE_SSH2),
    note: `the very first run, without compiled code in the cache, took ${turns.firstS(ours.name).toFixed(2)} s`,
  })
}

/** Per peer that was measured: what both sides agreed on with the nodes. */
async function algorithmNotes(lab: Lab, turns: Turns): Promise<ReadonlyMap<string, string>> {
  const ours = await fleetAlgorithms(lab)
  const notes = new Map<string, string>()
  for (const [peer] of GOALS) {
    if (turns.failure(peer) === undefined)
      notes.set(peer, `key exchange and cipher: fleet ${ours}; ${peer} ${await theirAlgorithms(lab, peer)}`)
  }
  return notes
}

function theirAlgorithms(lab: Lab, peer: string): Promise<string> {
  if (peer === BARE_SSH2) return bareAlgorithms(lab)
  // The others all start the system's ssh.
  return peer === FABRIC ? fabricAlgorithms(lab) : sshAlgorithms(lab)
}
