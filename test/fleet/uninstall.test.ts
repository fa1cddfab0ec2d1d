// An uninstall on this machine, with real processes, a `crontab` that keeps its table in a file, and every sh that a node may have.
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { once } from 'node:events'
import { dirname, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { parseJobName, parseNodeName, systemClock } from '../../src/core/index.ts'
import { run } from '../../src/fleet/fleet-node.ts'
import { isAbsent, lookForJob, uninstallNode, type UninstallValue } from '../../src/fleet/index.ts'
import {
  commandLine,
  parseLockState,
  removeCommand,
  takeLockCommand,
  type Claim,
  type JobTraces,
} from '../../src/node/index.ts'
import { createLocalConnection, type Connection } from '../../src/ssh/index.ts'
import { isAlive, JobOnDisk, readText, tryKill, until } from '../node/job-on-disk.ts'
import { shellsHere, type Shell } from '../node/shells.ts'

const PHOTOS = parseJobName('photos')

const CRONTAB = `#!/bin/sh
[ ! -e "$HOME/fail" ] || { cat "$HOME/fail" >&2; exit 1; }
if [ "$1" = -l ]; then
  [ -e "$HOME/table" ] || { echo "no crontab for deploy" >&2; exit 1; }
  cat "$HOME/table"
else
  cat "$1" >"$HOME/table"
fi
`

const STEADY = `#!/bin/sh
trap 'exit 143' TERM
echo up
while :; do sleep 60 & wait $!; done
`

class Scene implements AsyncDisposable {
  readonly job: JobOnDisk
  readonly root: string
  readonly #before = { HOME: process.env['HOME'], PATH: process.env['PATH'] }
  readonly #children: ChildProcess[] = []

  constructor(shell: Shell, files: Readonly<Record<string, string>> = { worker: STEADY }) {
    this.job = new JobOnDisk({ shell, files })
    this.root = dirname(this.job.base)
    const bin = join(this.job.home, 'bin')
    mkdirSync(bin)
    symlinkSync(shell.path, join(bin, 'sh'))
    writeFileSync(join(bin, 'crontab'), CRONTAB, { mode: 0o755 })
    process.env['HOME'] = this.job.home
    process.env['PATH'] = `${bin}:${this.#before.PATH ?? '/usr/bin:/bin'}`
  }

  /** What cron.sh put there, among lines of somebody else. */
  async installCron(): Promise<void> {
    this.table = OTHERS
    await this.job.program('cron.sh', ['photos', 'install'], { PATH: process.env['PATH'] ?? '' })
    expect(this.table).toContain('# fleet:photos\n')
  }

  get table(): string {
    return readText(join(this.job.home, 'table'))
  }

  set table(content: string) {
    writeFileSync(join(this.job.home, 'table'), content)
  }

  look(base = this.job.base): Promise<JobTraces> {
    return withConnection((connection) => lookForJob(connection, base, PHOTOS, { sizes: true }))
  }

  async uninstall(options: { now?: boolean; base?: string; keeper?: 'auto' | 'none' } = {}): Promise<UninstallValue> {
    const base = options.base ?? this.job.base
    return withConnection(async (connection) => {
      const found = await lookForJob(connection, base, PHOTOS, { sizes: false })
      return uninstallNode(connection, base, {
        job: PHOTOS,
        claim: found.place.kind === 'job' ? await take(connection, base) : 'unlocked',
        now: options.now ?? false,
        graceMs: 1000,
        keeper: options.keeper ?? 'auto',
        clock: systemClock,
      })
    })
  }

  /** A process of somebody who looks. */
  spawn(program: string, args: readonly string[], cwd = '/'): ChildProcess {
    const child = spawn(program, args, { cwd, stdio: 'ignore' })
    this.#children.push(child)
    return child
  }

  async [Symbol.asyncDispose](): Promise<void> {
    Object.assign(process.env, this.#before)
    for (const child of this.#children) child.kill('SIGKILL')
    await this.job[Symbol.asyncDispose]()
  }
}

const OTHERS = '# mine\n\n  */5 * * * *  echo "a  b" \\% $(x) `y` \\\\ é\t # fleet:photos\nMAILTO=""\n'

async function withConnection<Value>(work: (connection: Connection) => Promise<Value>): Promise<Value> {
  const connection = createLocalConnection(parseNodeName('here'))
  try {
    return await work(connection)
  } finally {
    await connection.close()
  }
}

async function take(connection: Connection, base: string): Promise<Claim> {
  const token = 'test-token'
  const words = { who: 'me', host: 'here', command: 'fleet uninstall', since: '2026-01-01T00:00:00Z', process: '' }
  const command = takeLockCommand(base, { ...words, token, ttlMs: 60_000, createFolder: false })
  return { epoch: parseLockState((await run(connection, command)).stdout).epoch, token }
}

const refusal = (code: string, message = ''): Error =>
  expect.objectContaining({ code, message: expect.stringContaining(message) as string }) as Error

// Twenty seconds for each shell.
const shells = shellsHere().slice(0, process.env['FLEET_TEST_LONG'] === '1' ? undefined : 1)

describe.each(shells)('on a node whose sh is $name', (shell) => {
  it('a job that runs is refused, and untouched', async () => {
    await using scene = new Scene(shell)
    const { job } = scene
    await scene.installCron()
    await job.want({ slots: 2 })
    await job.untilSlot((slot) => slot.state === 'running', 'p02')
    const found = await scene.look()
    expect(found).toMatchObject({ place: { kind: 'job' }, slots: ['p01', 'p02'], keepers: [{ state: 'line' }] })
    expect(found.parts.map(({ name }) => name)).toEqual(expect.arrayContaining(['etc', 'kit', 'releases', 'slots']))
    await expect(scene.uninstall()).rejects.toThrow(refusal('FLEET_NODE_IN_USE', '2 slots run there'))
    expect(scene.table).toContain('# fleet:photos\n')
    expect((await job.slot('p02')).state).toBe('running')
  })

  it('with --now everything is ended and removed, and nothing else', async () => {
    await using scene = new Scene(shell, {
      // What a worker leaves outside of its session, without a folder or file of the job.
      worker: `#!/bin/sh\nsetsid sh -c 'cd / && exec sleep 1000 8>&- 9>&- >/dev/null 2>&1 </dev/null' &\n${STEADY}`,
    })
    const { job } = scene
    await scene.installCron()
    const precious = join(job.home, 'precious')
    mkdirSync(precious)
    writeFileSync(join(precious, 'file'), 'x', { mode: 0o444 })
    symlinkSync(precious, join(job.base, 'slots-of-mine'))
    mkdirSync(join(job.base, 'slots/p01/scratch/closed/deeper'), { recursive: true })
    symlinkSync(precious, join(job.base, 'slots/p01/scratch/closed/deeper/out'))
    chmodSync(join(job.base, 'slots/p01/scratch/closed/deeper'), 0)
    chmodSync(join(job.base, 'slots/p01/scratch/closed'), 0)
    chmodSync(join(job.base, 'releases/r1'), 0o500)
    await job.want({ slots: 2 })
    await job.untilSlot((slot) => slot.state === 'running', 'p02')
    await until(async () => (await scene.look()).processes.some(({ name }) => name === 'sleep'))
    const before = await scene.look()
    const done = await scene.uninstall({ now: true })
    expect(done).toEqual({
      removed: [
        'the line of cron',
        job.base,
        join(job.home, '.fleet/crontab.lock'),
        scene.root,
        join(job.home, '.fleet'),
      ],
      left: [],
      notes: [],
    })
    expect(before.processes.filter(({ pid }) => isAlive(pid))).toEqual([])
    expect(readdirSync(job.home).sort()).toEqual(['bin', 'precious', 'table'])
    expect(lstatSync(join(precious, 'file')).mode & 0o777).toBe(0o444)
    expect(scene.table).toBe(OTHERS)
    const again = await scene.look()
    expect(isAbsent(again)).toBe(true)
    expect(await scene.uninstall({ now: true })).toEqual({ removed: [], left: [], notes: [] })
  })

  it('a job that is stopped is removed; other jobs, .bin and a person’s shell stay', async () => {
    await using scene = new Scene(shell)
    const { job, root } = scene
    await scene.installCron()
    await job.program('cron.sh', ['photos-2', 'install'], { PATH: process.env['PATH'] ?? '' }).catch(() => undefined)
    mkdirSync(join(root, '.bin'))
    mkdirSync(join(root, 'photos-2/kit'), { recursive: true })
    const tail = scene.spawn('sleep', ['1000'], join(job.base, 'slots'.replace('slots', 'etc')))
    const other = scene.spawn('sleep', ['1000'], join(root, 'photos-2'))
    const named = scene.spawn('sh', ['-c', 'while :; do sleep 1; done', 'x', join(root, 'photos-2')])
    expect((await scene.look()).processes).toEqual([{ pid: tail.pid, kind: 'other', name: 'sleep' }])
    const done = await scene.uninstall({ now: true })
    expect(done.left).toEqual([])
    expect(done.removed.slice(0, 2)).toEqual(['the line of cron', job.base])
    expect(done.notes).toEqual([
      `process ${String(tail.pid)} (sleep) is not of the job and still has its folder or a file of it open`,
      `${root} stays: it holds photos-2, .bin`,
    ])
    for (const child of [tail, other, named]) expect(child.exitCode ?? child.signalCode).toBeNull()
    expect(readdirSync(root).sort()).toEqual(['.bin', 'photos-2'])
  })

  it('what a killed uninstall left is removed by the next, also where nothing else is left', async () => {
    await using scene = new Scene(shell)
    const { job, root } = scene
    mkdirSync(join(root, '.removing-photos-2.1'))
    for (const rounds of [1, 2]) {
      renameSync(job.base, join(root, `.removing-photos.${rounds}`))
      chmodSync(join(root, `.removing-photos.${rounds}/releases/r1`), 0o500)
      expect(await scene.look()).toMatchObject({
        place: { kind: 'absent' },
        leftovers: [join(root, `.removing-photos.${rounds}`)],
      })
      expect(await scene.uninstall()).toMatchObject({ left: [] })
      expect(readdirSync(root)).toEqual(['.removing-photos-2.1'])
      mkdirSync(join(job.base, 'releases/r1'), { recursive: true })
    }
  })

  it('processes of a job whose folder somebody has deleted are found and ended', async () => {
    await using scene = new Scene(shell)
    const { job } = scene
    await job.want({})
    await job.untilSlot((slot) => slot.state === 'running')
    renameSync(job.base, join(job.home, 'moved'))
    rmSync(join(job.home, 'moved'), { recursive: true, force: true, maxRetries: 10 })
    const found = await scene.look()
    // The supervisor may be making its folder anew.
    expect(found.leftovers).toEqual([])
    expect(found.processes.filter(({ kind }) => kind === 'ours').length).toBeGreaterThan(0)
    await expect(scene.uninstall()).rejects.toThrow(refusal('FLEET_NODE_IN_USE'))
    expect(await scene.uninstall({ now: true })).toMatchObject({ left: [] })
    expect(found.processes.filter(({ pid }) => isAlive(pid))).toEqual([])
  })

  it('works where the kit is broken', async () => {
    await using scene = new Scene(shell)
    const { job } = scene
    await scene.installCron()
    await job.want({})
    await job.untilSlot((slot) => slot.state === 'running')
    writeFileSync(join(job.base, 'kit/k1/status.sh'), 'exit 1\n')
    rmSync(join(job.base, 'kit/k1/cron.sh'))
    expect(await scene.uninstall({ now: true })).toMatchObject({ left: [] })
    expect(scene.table).toBe(OTHERS)
    expect(existsSync(scene.root)).toBe(false)
  })

  it('slots that the keeper is about to bring back count as running; those that have finished do not', async () => {
    await using scene = new Scene(shell)
    const { job } = scene
    job.desire({ slots: 2 })
    await expect(scene.uninstall()).rejects.toThrow(refusal('FLEET_NODE_IN_USE', '2 slots are to be up'))
    for (const slot of ['p01', 'p02']) {
      mkdirSync(join(job.base, 'slots', slot), { recursive: true })
      writeFileSync(join(job.base, 'slots', slot, 'finished'), '1 finished\n')
    }
    expect(await scene.uninstall()).toMatchObject({ left: [] })
  })

  it('a crontab that cannot be read stops it, unless the operator says that no line is there', async () => {
    await using scene = new Scene(shell)
    const { job } = scene
    await scene.installCron()
    writeFileSync(join(job.home, 'fail'), 'You (deploy) are not allowed to use this program (crontab)\n')
    await expect(scene.uninstall()).rejects.toThrow(refusal('FLEET_NODE_KEEPER', 'not allowed to use this program'))
    expect(existsSync(job.base)).toBe(true)
    const done = await scene.uninstall({ keeper: 'none' })
    expect(done.left).toEqual([])
    expect(done.notes).toEqual([expect.stringContaining('cron cannot be asked (You (deploy) are not allowed')])
    rmSync(join(job.home, 'fail'))
    // The line was there all the time: the next look finds it.
    expect((await scene.look()).keepers).toEqual([{ keeper: 'cron', state: 'line', said: '' }])
    expect(await scene.uninstall()).toMatchObject({
      removed: expect.arrayContaining(['the line of cron']) as string[],
      left: [],
    })
    expect(scene.table).toBe(OTHERS)
  })

  it('folders that are no job’s are refused, whatever the inventory says', async () => {
    await using scene = new Scene(shell)
    const { job, root } = scene
    const refuses = async (base: string, why: string): Promise<void> => {
      expect((await scene.look(base)).place).toEqual({ kind: 'odd', why: expect.stringContaining(why) as string })
    }
    await refuses(job.home, 'is the home folder')
    await refuses(dirname(job.home), 'user')
    await refuses('/usr', '')
    await refuses('/proc', '')
    const mine = join(root, 'mine')
    mkdirSync(join(mine, 'kit/src'), { recursive: true })
    mkdirSync(join(mine, 'etc'))
    writeFileSync(join(mine, 'thesis.tex'), '')
    await refuses(mine, 'holds nothing that fleet puts there')
    await expect(scene.uninstall({ base: mine, now: true })).rejects.toThrow(refusal('FLEET_NODE_NOT_A_JOB'))
    symlinkSync(job.base, join(root, 'link'))
    await refuses(join(root, 'link'), 'is a symbolic link')
    symlinkSync('/nowhere', join(root, 'dangling'))
    await refuses(join(root, 'dangling'), 'is a symbolic link')
    writeFileSync(join(root, 'file'), '')
    await refuses(join(root, 'file'), 'is not a folder')
    expect(existsSync(join(mine, 'thesis.tex'))).toBe(true)
    expect(existsSync(job.base)).toBe(true)
  })

  it.skipIf(process.getuid?.() !== 0)('what is mounted in it is not deleted', async () => {
    await using scene = new Scene(shell)
    const { job } = scene
    const mount = join(job.base, 'slots', 'a b')
    mkdirSync(mount, { recursive: true })
    expect(spawnSync('mount', ['-t', 'tmpfs', 'tmpfs', mount]).status).toBe(0)
    try {
      writeFileSync(join(mount, 'file'), '')
      await expect(scene.uninstall({ now: true })).rejects.toThrow(
        refusal('FLEET_NODE_NOT_A_JOB', `mounted in it, at ${mount}`),
      )
      expect(existsSync(join(mount, 'file'))).toBe(true)
    } finally {
      spawnSync('umount', [mount])
    }
  })

  it('a claim that is not good any more removes nothing', async () => {
    await using scene = new Scene(shell)
    const { job } = scene
    await withConnection(async (connection) => {
      const stale = await take(connection, job.base)
      await take(connection, job.base)
      const options = {
        job: PHOTOS,
        claim: stale,
        now: true,
        graceMs: 0,
        keeper: 'auto',
        clock: systemClock,
      } as const
      await expect(uninstallNode(connection, job.base, options)).rejects.toThrow(/lock/)
    })
    expect(existsSync(join(job.base, 'kit/current/lib.sh'))).toBe(true)
  })

  it.skipIf(process.getuid?.() !== 0)('what cannot be deleted is said, with its reason', async () => {
    await using scene = new Scene(shell)
    const gone = join(scene.root, '.removing-photos.1')
    mkdirSync(join(gone, 'inner'), { recursive: true })
    expect(spawnSync('mount', ['-t', 'tmpfs', 'tmpfs', join(gone, 'inner')]).status).toBe(0)
    try {
      const done = await scene.uninstall()
      expect(done.removed).toContain(scene.job.base)
      expect(done.left).toEqual([{ what: gone, why: `${join(gone, 'inner')} is mounted` }])
    } finally {
      spawnSync('umount', [join(gone, 'inner')])
    }
    expect(await scene.uninstall()).toMatchObject({ left: [] })
    expect(existsSync(scene.root)).toBe(false)
  })

  it.skipIf(process.getuid?.() !== 0)('a container with the same paths is another machine', async () => {
    await using scene = new Scene(shell)
    const inside = join(scene.job.base, 'slots')
    const name = `exec env FLEET_RELEASE='${scene.job.base}/releases/r1' sleep 1000`
    const container = scene.spawn('unshare', ['--mount', '--pid', '--fork', '--kill-child', 'sh', '-c', name], '/')
    mkdirSync(inside, { recursive: true })
    const children = `/proc/${String(container.pid)}/task/${String(container.pid)}/children`
    await until(() => readText(`/proc/${readText(children).trim()}/comm`) === 'sleep\n')
    expect((await scene.look()).processes).toEqual([])
    expect(await scene.uninstall({ now: true })).toMatchObject({ left: [], notes: [] })
    expect(container.exitCode ?? container.signalCode).toBeNull()
  })

  it('killed at any moment, it is finished by the next one', async () => {
    for (const afterMs of [50, 150, 350]) {
      await using scene = new Scene(shell)
      const { job, root } = scene
      for (let file = 0; file < 200; file++) writeFileSync(join(job.base, 'releases/r1', `f${file}`), '')
      chmodSync(join(job.base, 'releases/r1'), 0o500)
      await job.want({})
      await withConnection(async (connection) => {
        const claim = await take(connection, job.base)
        const command = removeCommand(job.base, PHOTOS, claim, { ends: true, graceMs: 100 })
        const child = spawn('sh', ['-c', commandLine(command)], { detached: true, stdio: 'ignore' })
        const ended = once(child, 'exit')
        await Promise.race([ended, pause(afterMs)])
        if (child.pid !== undefined) tryKill(-child.pid, 'SIGKILL')
        await ended
      })
      expect(await scene.uninstall({ now: true })).toMatchObject({ left: [] })
      expect(isAbsent(await scene.look())).toBe(true)
      expect(existsSync(root)).toBe(false)
    }
  }, 60_000)
})
