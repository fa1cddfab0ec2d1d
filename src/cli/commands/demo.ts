// fleet demo: the whole job on this machine. The commands that it runs are the real ones, in processes of their own, and it
// prints each as an operator would type it. Everything lives in one temporary folder and ends with the demo.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { FleetError, formatDuration, formatSize, slotName } from '../../core/index.ts'
import {
  checkCopies,
  removeFolder,
  createUsers,
  killWorker,
  startDemoNodes,
  startSourceServer,
  type DemoNodes,
} from '../../demo/index.ts'
import { loadContext } from '../context.ts'
import { outputOf, parseCount, type CommonOptions } from '../options.ts'
import { ExitCode } from '../exit-code.ts'
import type { Output } from '../output/output.ts'
import { statusLines } from '../output/status-table.ts'
import { entryCommand } from '../serve-command.ts'
import { drawLines, lookAtAll } from '../watch.ts'
import { count } from '../output/table.ts'

export interface DemoOptions extends CommonOptions {
  readonly users: string
  readonly keep?: boolean
  readonly curl?: string
}

const NODES = 5
const SLOTS = 8
const JOB = 'demo'
/** After which share of the users a worker is killed. */
const KILLS = [0.1, 0.25, 0.4, 0.55, 0.7]
const PATIENCE_MS = 300_000

export async function demo(options: DemoOptions): Promise<ExitCode> {
  const output = outputOf(options)
  const users = parseCount('--users', options.users) ?? 300
  const folder = await mkdtemp(join(tmpdir(), 'fleet-demo-'))
  const startedMs = performance.now()
  output.note(`fleet demo: ${NODES} nodes x ${SLOTS} slots move the files of ${users} users. It takes about a minute.`)
  output.note(`everything is below ${folder}; no crontab, key or known_hosts of yours is touched`)
  const ended = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      ended.abort()
    })
  }
  try {
    const problems = await play({ output, folder, users, stopped: ended.signal, curl: curlFor(options) })
    output.note(`took ${formatDuration(performance.now() - startedMs)}`)
    return problems === 0 ? ExitCode.ok : ExitCode.unexpected
  } catch (error) {
    if (ended.signal.aborted) return ExitCode.interrupted
    throw error
  } finally {
    if (options.keep === true) output.note(`kept: ${folder}`)
    else await removeFolder(folder)
  }
}

/** The one that was given, if there is such a file and the machine has none of its own. */
function curlFor({ curl }: DemoOptions): string | undefined {
  const hasOwn = ['/usr/local/bin/curl', '/usr/bin/curl', '/bin/curl'].some((file) => existsSync(file))
  return hasOwn || curl === undefined || !existsSync(curl) ? undefined : resolve(curl)
}

interface Stage {
  readonly output: Output
  readonly folder: string
  readonly users: number
  readonly stopped: AbortSignal
  readonly curl: string | undefined
}

async function play(stage: Stage): Promise<number> {
  const { output, folder } = stage
  const source = join(folder, 'source')
  const target = join(folder, 'target')
  await mkdir(target)
  const ids = await createUsers(source, stage.users)
  await writeFile(join(folder, 'users.txt'), ids.map((id) => `${id}\n`).join(''))
  const server = await startSourceServer(source)
  const nodes = await startDemoNodes(folder, NODES, stage.curl)
  const fleet = (arguments_: readonly string[]): Promise<void> => runFleet(stage, nodes, arguments_)
  try {
    await writeFile(join(folder, 'fleet.yml'), await fleetYml(server.url, target))
    await fleet(['push', '--hosts', 'inventory.yml'])
    try {
      await fleet(['start'])
      await fleet(['ids', 'add', 'users.txt'])
      await watch(stage, nodes)
      await fleet(['status'])
    } finally {
      await fleet(['stop', '--now', '--dispatcher'])
    }
  } finally {
    await nodes.close()
    await server.close()
  }
  return judge(output, await checkCopies(source, target, ids))
}

/** Draws the table until every ID is done, and kills a worker now and then. */
async function watch(stage: Stage, nodes: DemoNodes): Promise<void> {
  const { output } = stage
  const context = loadContext({
    config: join(stage.folder, 'fleet.yml'),
    knownHosts: nodes.knownHostsFile,
    color: true,
    parallel: String(NODES),
  })
  const kills = [...KILLS]
  const deadlineMs = performance.now() + PATIENCE_MS
  let lastShare = -1
  for (;;) {
    stage.stopped.throwIfAborted()
    const { found } = await lookAtAll(context)
    const ids = 'status' in found.dispatcher ? found.dispatcher.status.ids : undefined
    const share = ids === undefined || ids.imported === 0 ? 0 : (ids.done + ids.parked) / ids.imported
    if (output.isInteractive) drawLines(process.stderr, statusLines(found, output.style))
    else if (share - lastShare >= 0.1 || share === 1) {
      output.note(`${count(ids?.done ?? 0)} of ${count(ids?.imported ?? 0)} done`)
      lastShare = share
    }
    if (share === 1) return
    if (performance.now() > deadlineMs)
      throw new FleetError('FLEET_CLI_DEMO_STUCK', `the demo did not finish within ${formatDuration(PATIENCE_MS)}`)
    if (kills[0] !== undefined && share >= kills[0]) {
      kills.shift()
      await killOne(output, nodes, kills.length)
    }
    await sleep(250)
  }
}

async function killOne(output: Output, nodes: DemoNodes, number: number): Promise<void> {
  const index = number % nodes.homes.length
  const slot = slotName(1 + (number % SLOTS))
  const pid = await killWorker(nodes.homes[index] ?? '', JOB, slot)
  if (pid !== undefined && !output.isInteractive)
    output.note(`bad luck: KILL to the worker in node0${index + 1}/${slot} (pid ${pid})`)
}

async function runFleet(stage: Stage, nodes: DemoNodes, arguments_: readonly string[]): Promise<void> {
  const isNodeCommand = !['ids'].includes(arguments_[0] ?? '')
  const argv = [...arguments_, ...(isNodeCommand ? ['--known-hosts', nodes.knownHostsFile] : [])]
  stage.output.note(`\n${stage.output.style('bold', `$ fleet ${arguments_.join(' ')}`)}`)
  const [program = '', ...entry] = entryCommand()
  const child = spawn(program, [...entry, ...argv], { cwd: stage.folder, stdio: ['ignore', 'inherit', 'inherit'] })
  const [code] = (await once(child, 'exit')) as [number | null]
  if (code !== 0)
    throw new FleetError('FLEET_CLI_DEMO_FAILED', `fleet ${arguments_.join(' ')} ended with ${String(code)}`)
}

async function fleetYml(sourceUrl: string, target: string): Promise<string> {
  const script = fileURLToPath(new URL('../../../examples/photo-migration/migrate-user.sh', import.meta.url))
  return `job: ${JOB}
hosts: inventory.yml
release:
  files: [${JSON.stringify(script)}]
worker:
  kind: exec
  command: [./migrate-user.sh, "{id}"]
  slots: ${SLOTS}
  env: { SOURCE_URL: ${JSON.stringify(sourceUrl)}, TARGET: ${JSON.stringify(target)} }
  keeper: none            # the demo must not edit this machine's crontab
  grace: 5s
dispatcher:
  listen: 127.0.0.1:${await freePort()}
  lease: 30s
  backoff: [1s, 5s]
`
}

async function freePort(): Promise<number> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  return typeof address === 'object' && address !== null ? address.port : 0
}

function judge(output: Output, verdict: Awaited<ReturnType<typeof checkCopies>>): number {
  output.note('')
  if (verdict.problems.length === 0) {
    const { users, files, bytes } = verdict
    output.result(
      `checked: ${count(users)} users, ${count(files)} files, ${formatSize(bytes)}: every byte arrived, each under the right user, and nothing else`,
    )
    output.note(
      'the same with your own nodes: fleet init; edit fleet.yml and inventory.yml; fleet push; fleet start; fleet ids add FILE; fleet status',
    )
  } else {
    for (const problem of verdict.problems.slice(0, 20)) output.note(problem)
    output.result(`${count(verdict.problems.length)} problems`)
  }
  output.json({ schema: 'fleet.demo/1', ...verdict })
  return verdict.problems.length
}
