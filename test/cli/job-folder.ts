// A job of a user in a folder of its own, and bin/fleet as the user calls it there.
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { removeTree } from '../fleet/local-node.ts'

export const FLEET = join(import.meta.dirname, '../../bin/fleet')

export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface JobFolder {
  readonly folder: string
  write(path: string, text: string, mode?: number): string
  /** Runs `fleet ARGS` there and waits for its end. */
  fleet(
    args: readonly string[],
    options?: { readonly input?: string; readonly env?: Readonly<Record<string, string>> },
  ): Promise<Ended>
  /** The same with --json: the parsed document. */
  json(args: readonly string[]): Promise<Record<string, unknown>>
  /** Starts it and returns at once. */
  start(args: readonly string[]): ChildProcessWithoutNullStreams
  readonly remove: () => void
}

export function createJobFolder(): JobFolder {
  const folder = mkdtempSync(join(tmpdir(), 'fleet-cli-'))
  const start: JobFolder['start'] = (args) => spawn(FLEET, args, { cwd: folder })
  const fleet: JobFolder['fleet'] = async (args, { input = '', env = {} } = {}) => {
    const child = spawn(FLEET, args, { cwd: folder, env: { ...process.env, HOME: folder, ...env } })
    child.stdin.on('error', () => undefined)
    child.stdin.end(input)
    return ended(child)
  }
  return {
    folder,
    write: (path, text, mode = 0o644) => {
      const file = join(folder, path)
      mkdirSync(dirname(file), { recursive: true })
      writeFileSync(file, text, { mode })
      return file
    },
    fleet,
    json: async (args) => JSON.parse((await fleet([...args, '--json'])).stdout) as Record<string, unknown>,
    start,
    remove: () => {
      removeTree(folder)
    },
  }
}

/** How a process ended, with all that it printed. */
export async function ended(child: ChildProcessWithoutNullStreams): Promise<Ended> {
  const printed = { stdout: '', stderr: '' }
  child.stdout.setEncoding('utf8').on('data', (text: string) => (printed.stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (printed.stderr += text))
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, ...printed }
}

/** A dispatcher in the foreground without fleet.yml, and what it printed when it was ready. */
export interface Serving {
  readonly url: string
  /** `--url URL --token-file FILE` */
  readonly reach: readonly string[]
  readonly child: ChildProcessWithoutNullStreams
  readonly workerTokenFile: string
  /** TERM, and its exit code. */
  stop(): Promise<number | null>
}

export async function serve(job: JobFolder, args: readonly string[] = []): Promise<Serving> {
  const child = job.start([
    'dispatcher',
    'serve',
    '--job',
    'photos',
    '--ledger',
    'state/ledger.db',
    '--listen',
    '127.0.0.1:0',
    ...args,
  ])
  const closed = once(child, 'close')
  let printed = ''
  child.stderr.on('data', (text: Buffer) => (printed += text.toString()))
  const line = await new Promise<string>((resolve, reject) => {
    let text = ''
    child.stdout.on('data', (chunk: Buffer) => {
      text += chunk.toString()
      if (text.includes('\n')) resolve(text.slice(0, text.indexOf('\n')))
    })
    child.once('close', () => {
      reject(new Error(`the dispatcher ended before it was ready: ${printed}`))
    })
  })
  const ready = JSON.parse(line) as { url: string; operator_token_file: string; worker_token_file: string }
  return {
    url: ready.url,
    reach: ['--url', ready.url, '--token-file', ready.operator_token_file],
    child,
    workerTokenFile: ready.worker_token_file,
    stop: async () => {
      child.kill('SIGTERM')
      const [code] = (await closed) as [number | null]
      return code
    },
  }
}
