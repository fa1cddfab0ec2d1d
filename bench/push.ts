// What it takes to bring something to every node: `fleet push` and its peers, each as whole processes, taking turns on the same lab. fleet
// verifies every file by SHA-256 and flushes it to the disk of the node; none of the peers does either.
import { startLab, whyNoLab, type Lab } from '../test/lab/lab.ts'
import type { BenchmarkOptions } from './benchmark.ts'
import { installPeers, peerVersions } from './exec/install-peers.ts'
import { unmeasured, type Figure } from './figure.ts'
import { CLUSH, fleetPush, PUSH_PEERS, pushPeers, RSYNC, RSYNC_ZSTD, SCP, UNCOMPRESSED } from './push/contenders.ts'
import { farNodeFigures } from './push/far-node.ts'
import { stepFigures, type WallGoal } from './push/figures.ts'
import { shapeLinks } from './push/links.ts'
import { changeNothing, changeOneFile, FILES, writeElf, writeFiles, writeOneFile } from './push/payloads.ts'
import { runRounds, type Step } from './push/rounds.ts'
import { uploadWayFigures } from './push/upload-ways.ts'
import { temporaryFolder } from './temporary-folder.ts'

interface Round {
  readonly title: string
  readonly steps: readonly (Step & { readonly goals: readonly WallGoal[] })[]
  readonly isShaped?: boolean
}

const UNCHANGED_GOAL: WallGoal = { factor: 0.4, peers: [RSYNC] }
/** Without ansible, which copies a folder file by file and takes minutes. */
const FOLDER_PEERS = [CLUSH, SCP, RSYNC]

const ROUNDS: ReadonlyMap<string, Round> = new Map([
  [
    'one-file',
    {
      title: '50 MB that no compression makes smaller',
      steps: [
        { name: 'first', write: writeOneFile, peers: UNCOMPRESSED, goals: [{ factor: 0.75, peers: UNCOMPRESSED }] },
        { name: 'unchanged', write: changeNothing, peers: [RSYNC], goals: [UNCHANGED_GOAL] },
      ],
    },
  ],
  [
    'elf',
    {
      title: 'an ELF binary of 90 MB',
      steps: [
        {
          name: 'first',
          write: writeElf,
          peers: [...UNCOMPRESSED, RSYNC_ZSTD],
          goals: [{ factor: 0.75, peers: UNCOMPRESSED }],
        },
      ],
    },
  ],
  [
    'elf-shaped',
    {
      title: 'an ELF binary of 90 MB at 100 Mbit/s for each node and 1 Gbit/s for all',
      isShaped: true,
      steps: [
        {
          name: 'first',
          write: writeElf,
          peers: [...UNCOMPRESSED, RSYNC_ZSTD],
          goals: [
            { factor: 0.55, peers: UNCOMPRESSED },
            { factor: 1, peers: [RSYNC_ZSTD] },
          ],
        },
      ],
    },
  ],
  [
    'files',
    {
      title: `${FILES} files of 20 KB`,
      steps: [
        { name: 'first', write: writeFiles, peers: FOLDER_PEERS, goals: [{ factor: 0.6, peers: FOLDER_PEERS }] },
        { name: 'unchanged', write: changeNothing, peers: [RSYNC], goals: [UNCHANGED_GOAL] },
        { name: 'one changed', write: changeOneFile, peers: [RSYNC], goals: [UNCHANGED_GOAL] },
      ],
    },
  ],
])
const FAR = 'far'
const WAYS = 'ways'
const CASES = [...ROUNDS.keys(), FAR, WAYS]

const NODE_MBIT = 100
const CONTROL_MBIT = 1000

/** Cases: `one-file`, `elf`, `elf-shaped`, `files` (each with what it is pushed to again), `far`, `ways`. */
export async function push(options: BenchmarkOptions): Promise<readonly Figure[]> {
  const { signal, say, nodes = 10, cases = CASES } = options
  const unknown = cases.find((name) => !CASES.includes(name))
  if (unknown !== undefined) throw new Error(`expected --case to be one of ${CASES.join(', ')}, got ${unknown}`)
  const reason = whyNoLab()
  if (reason !== undefined) return [unmeasured('push', 's', reason)]
  const missing = await installPeers(options, PUSH_PEERS)
  say(await peerVersions(signal, PUSH_PEERS))
  const figures: Figure[] = []
  for (const name of cases) {
    say(`case ${name}`)
    figures.push(...(await caseFigures(name, { ...options, nodes }, missing)))
  }
  return figures
}

/** Every case has a lab of its own, and one that fails leaves the others alone. */
async function caseFigures(
  name: string,
  options: BenchmarkOptions & { readonly nodes: number },
  missing: ReadonlyMap<string, string>,
): Promise<readonly Figure[]> {
  try {
    if (name === FAR) return await farNodeFigures(options)
    await using lab = await startLab({ nodes: options.nodes })
    const round = ROUNDS.get(name)
    return await (round === undefined ? uploadWayFigures(lab, options) : roundFigures(round, lab, options, missing))
  } catch (error) {
    options.signal.throwIfAborted()
    return [unmeasured(`push, case ${name}`, '-', error instanceof Error ? error.message : String(error))]
  }
}

async function roundFigures(
  round: Round,
  lab: Lab,
  { signal, say, nodes = 0, runs = 3 }: BenchmarkOptions,
  missing: ReadonlyMap<string, string>,
): Promise<readonly Figure[]> {
  await using folder = await temporaryFolder()
  await using links = round.isShaped === true ? await shapeLinks(lab, NODE_MBIT, CONTROL_MBIT) : undefined
  if (links !== undefined) say('the links are shaped')
  const peers = await pushPeers(lab, folder.path)
  const fleet = fleetPush(lab.knownHostsFile, folder.path)
  const options = { lab, folder: folder.path, runs, signal, say, missing }
  const rounds = await runRounds(round.steps, fleet, peers, options)
  return round.steps.flatMap((step) => stepFigures(`push ${round.title} to ${nodes} nodes`, rounds, step, step.goals))
}
