// One node far away: how fast a file goes there. Both programs are bound by the window that sshd grants a channel, 2 MiB for every round trip.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { startLab, type Lab } from '../../test/lab/lab.ts'
import type { BenchmarkOptions } from '../benchmark.ts'
import { judge, unmeasured, type Figure, type Goal } from '../figure.ts'
import { sshOptions } from '../ssh-options.ts'
import { median } from '../statistics.ts'
import { temporaryFolder } from '../temporary-folder.ts'
import { timedRun } from '../timed-run.ts'
import { FLEET_PUSH, fleetPush, PAYLOAD, prepareJob, SCP, whyNotPushed } from './contenders.ts'
import { ONE_FILE_MB, writeOneFile } from './payloads.ts'

const ROUND_TRIPS_MS = [20, 100]
const RELAY = fileURLToPath(new URL('../programs/delaying-relay.ts', import.meta.url))
const GOAL: Goal = {
  text: `at least 1 x ${SCP}, less 0.05 for noise`,
  against: (peers) => peers[SCP],
  isMet: (ours, against) => ours >= 0.95 * against,
}

export async function farNodeFigures({ signal, say, runs = 3 }: BenchmarkOptions): Promise<readonly Figure[]> {
  await using folder = await temporaryFolder()
  await using lab = await startLab({ nodes: 1 })
  const figures: Figure[] = []
  for (const roundTripMs of ROUND_TRIPS_MS) {
    say(`a round trip of ${roundTripMs} ms`)
    figures.push(await farFigure(lab, folder.path, roundTripMs, { signal, say, runs }))
  }
  return figures
}

async function farFigure(
  lab: Lab,
  folder: string,
  roundTripMs: number,
  { signal, say, runs }: { readonly signal: AbortSignal; readonly say: (line: string) => void; readonly runs: number },
): Promise<Figure> {
  const figure = `push 50 MB to a node ${roundTripMs} ms away, rate`
  await using relay = await startRelay(roundTripMs, lab.nodes[0]?.address ?? '')
  const knownHostsFile = join(folder, 'known_hosts')
  const recorded = await readFile(lab.knownHostsFile, 'utf8')
  await writeFile(knownHostsFile, recorded.replace(/^\S+/gm, `[127.0.0.1]:${relay.port}`))
  const inventory = `defaults: { user: root, identity: ${lab.keyFile} }\nhosts:\n  node01: { address: 127.0.0.1, port: ${relay.port} }\n`
  const fleet = fleetPush(knownHostsFile, folder)
  const options = sshOptions({ ...lab, knownHostsFile })
  const scp = ['scp', '-q', ...options, '-P', String(relay.port), PAYLOAD, 'root@127.0.0.1:/root/by-scp']
  const tookS: Record<string, number[]> = { [FLEET_PUSH]: [], [SCP]: [] }
  let why: string | undefined
  for (let run = 1; run <= runs; run += 1) {
    const cwd = join(folder, 'far')
    await rm(cwd, { recursive: true, force: true })
    await prepareJob(cwd, inventory)
    await writeOneFile(cwd)
    await lab.run(1, `rm -rf ${fleet.target} /root/by-scp`)
    for (const [name, command] of [[FLEET_PUSH, fleet.command] as const, [SCP, scp] as const]) {
      if (name === FLEET_PUSH && why !== undefined) continue
      await timedRun(['sync'], { signal })
      try {
        const { wallS, stdout } = await timedRun(command, { signal, cwd, env: fleet.env })
        if (name === FLEET_PUSH) why = whyNotPushed(stdout, 1)
        if (why === undefined || name === SCP) tookS[name]?.push(wallS)
        say(`  ${name}: ${wallS.toFixed(2)} s`)
      } catch (error) {
        signal.throwIfAborted()
        if (name === SCP) throw error
        why = error instanceof Error ? error.message : String(error)
      }
    }
  }
  const rate = (name: string): number => ONE_FILE_MB / median(tookS[name] ?? [])
  const peers = { [SCP]: Number(rate(SCP).toPrecision(3)) }
  if (why !== undefined) return { ...unmeasured(figure, 'MB/s', why), peers }
  const note = 'of whole processes: login, verification and flush of fleet push count'
  return judge({ figure, unit: 'MB/s', ours: rate(FLEET_PUSH), peers, goal: GOAL, note })
}

/** A process of its own, which ends with this one, so that neither disturbs the other. */
async function startRelay(roundTripMs: number, address: string): Promise<AsyncDisposable & { readonly port: number }> {
  const child = spawn(process.execPath, [RELAY, String(roundTripMs), address], { stdio: ['pipe', 'pipe', 'inherit'] })
  const closed = once(child, 'close')
  const dispose = async (): Promise<void> => {
    child.stdin.end()
    await closed
  }
  for await (const line of createInterface(child.stdout)) return { port: Number(line), [Symbol.asyncDispose]: dispose }
  await dispose()
  throw new Error('expected the relay to say its port')
}
