// A job's folder as a push leaves it on a node, in a temporary folder, with the real kit and real processes. Everything that
// was started for it is ended and removed when the test is over.
import { execFile, spawnSync } from 'node:child_process'
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { parseJobName, parseNodeName, Secret } from '../../src/core/index.ts'
import {
  kitFiles,
  parseStatus,
  renderDesired,
  renderWorkerFiles,
  type Desired,
  type NodeStatus,
  type SlotStatus,
  type WorkerSettings,
} from '../../src/node/index.ts'
import type { Shell } from './shells.ts'

export interface JobOptions {
  readonly shell: Shell
  /** Executable files of the release: name -> content. */
  readonly files?: Readonly<Record<string, string>>
  readonly settings?: Partial<WorkerSettings>
}

export class JobOnDisk implements AsyncDisposable {
  readonly base: string
  readonly home: string
  readonly #shell: Shell
  #settings: WorkerSettings
  #desired: Desired = { state: 'up', mode: 'drain', slots: 1, generation: 1 }

  constructor(options: JobOptions) {
    this.home = mkdtempSync(join(tmpdir(), 'fleet-node-'))
    this.base = join(this.home, 'it is', 'photos')
    this.#shell = options.shell
    this.#settings = {
      job: parseJobName('photos'),
      node: parseNodeName('node07'),
      kind: 'native',
      command: ['./worker'],
      env: { PLACE: this.home },
      secrets: {},
      graceMs: 1000,
      timeoutMs: 0,
      url: 'http://127.0.0.1:9',
      token: new Secret('s3cret-token'),
      shell: options.shell.path,
      ...options.settings,
    }
    this.release('r1', options.files ?? {})
    mkdirSync(join(this.base, 'kit', 'k1'), { recursive: true })
    for (const file of kitFiles()) writeFileSync(join(this.base, 'kit', 'k1', file.name), file.content)
    symlinkSync('k1', join(this.base, 'kit', 'current'))
    mkdirSync(join(this.base, 'etc'), { mode: 0o700 })
    this.configure({})
  }

  release(name: string, files: Readonly<Record<string, string>>): void {
    const folder = join(this.base, 'releases', name)
    mkdirSync(folder, { recursive: true })
    for (const [file, content] of Object.entries(files)) {
      writeFileSync(join(folder, file), content)
      chmodSync(join(folder, file), 0o755)
    }
    rmSync(join(this.base, 'current'), { force: true })
    symlinkSync(join('releases', name), join(this.base, 'current'))
  }

  configure(changes: Partial<WorkerSettings>): void {
    this.#settings = { ...this.#settings, ...changes }
    for (const file of renderWorkerFiles(this.#settings)) this.#replace(file.path, file.content)
  }

  desire(changes: Partial<Desired>): void {
    this.#desired = { ...this.#desired, ...changes }
    this.#replace('etc/desired', renderDesired(this.#desired))
  }

  /** Writes what is desired and calls the keeper as cron does. */
  async want(changes: Partial<Desired>): Promise<void> {
    this.desire(changes)
    await this.keep()
  }

  /** As cron calls it: nearly no environment, from `/`. Resolves when its output is closed, as an ssh session would. */
  async keep(): Promise<void> {
    await this.program('keep.sh', [])
  }

  /** Runs a program of the kit. Rejects when it fails. */
  async program(name: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<string> {
    const argv = [join(this.base, 'kit', 'current', name), this.base, ...args]
    return new Promise((resolve, reject) => {
      execFile(
        this.#shell.path,
        argv,
        { cwd: '/', env: { PATH: '/usr/bin:/bin', HOME: this.home, ...env } },
        (error, stdout, stderr) => {
          if (error === null && stderr === '') resolve(stdout)
          else reject(new Error(`${name} failed: ${stderr}`, { cause: error }))
        },
      )
    })
  }

  async status(): Promise<NodeStatus> {
    return parseStatus(await this.program('status.sh', []))
  }

  async slot(name = 'p01'): Promise<SlotStatus> {
    const found = (await this.status()).slots.find((slot) => slot.slot === name)
    if (found === undefined) throw new Error(`no slot ${name} in the status`)
    return found
  }

  /** The slot, as soon as it is what is asked for. */
  async untilSlot(isThere: (slot: SlotStatus) => boolean, name = 'p01'): Promise<SlotStatus> {
    let last: SlotStatus | undefined
    await until(
      async () => isThere((last = await this.slot(name))),
      () => `${JSON.stringify(last)}\n${this.read(name, 'supervisor.log')}\n${this.read(name, 'out.log')}`,
    )
    return last ?? (await this.slot(name))
  }

  /** Content of a file in a slot's folder; empty when there is none. */
  read(slot: string, file: string): string {
    return readText(join(this.base, 'slots', slot, file))
  }

  /** The pid that a process of the slot signed with; undefined when none did, or that process is gone. */
  pid(role: 'supervisor' | 'worker' | 'child', slot = 'p01'): number | undefined {
    const [pid, start] = this.read(slot, role).split(' ')
    return pid !== undefined && start !== undefined && startOf(Number(pid)) === start ? Number(pid) : undefined
  }

  /** The same, which must be there. */
  livePid(role: 'supervisor' | 'worker' | 'child', slot = 'p01'): number {
    const pid = this.pid(role, slot)
    if (pid === undefined) throw new Error(`no live ${role} in ${slot}`)
    return pid
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // The folder's name is random, so whatever carries it is ours. Twice, because what dies may have been starting something.
    for (let round = 0; round < 50; round += 1) {
      const ours = pidsMentioning(this.home)
      for (const pid of ours) tryKill(pid, 'SIGKILL')
      if (ours.length === 0 && round > 1) break
      await pause(20)
    }
    spawnSync('chmod', ['-R', 'u+rwX', this.home])
    rmSync(this.home, { recursive: true, force: true, maxRetries: 5 })
  }

  #replace(path: string, content: string): void {
    const target = join(this.base, path)
    writeFileSync(`${target}.incoming`, content, { mode: 0o600 })
    renameSync(`${target}.incoming`, target)
  }
}

/** Waits until something is so. Generous: a loaded machine must not fail a test. */
export async function until(
  isSo: () => boolean | Promise<boolean>,
  describe: () => string = () => '',
  limitMs = 30_000,
): Promise<void> {
  const end = performance.now() + limitMs
  while (!(await isSo())) {
    if (performance.now() > end)
      throw new Error(`did not become so within ${limitMs} ms: ${isSo.toString()}\n${describe()}`)
    await pause(30)
  }
}

export function tryKill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch {
    // Gone already.
  }
}

export function isAlive(pid: number): boolean {
  return startOf(pid) !== undefined
}

export function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

/** Field 22 of /proc/PID/stat; undefined for a zombie or nothing. */
function startOf(pid: number): string | undefined {
  const fields = readText(`/proc/${pid}/stat`).split(') ').at(-1)?.split(' ') ?? []
  return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19]
}

/** Everybody whose arguments, environment, folder or open files carry this text. */
export function pidsMentioning(text: string): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((name) => startOf(Number(name)) !== undefined && mentions(join('/proc', name), text))
    .map(Number)
}

function mentions(folder: string, text: string): boolean {
  if (readText(join(folder, 'cmdline')).includes(text) || readText(join(folder, 'environ')).includes(text)) return true
  try {
    if (readlinkSync(join(folder, 'cwd')).includes(text)) return true
    return readdirSync(join(folder, 'fd')).some((fd) => readlinkSync(join(folder, 'fd', fd)).includes(text))
  } catch {
    return false
  }
}
