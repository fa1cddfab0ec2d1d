// The keeper's line in a crontab, against a `crontab` that keeps its table in a file and fails when told to.
import { once } from 'node:events'
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { cronOutcome, type CronOutcome } from '../../src/node/index.ts'
import { JobOnDisk, pidsMentioning, readText, until } from './job-on-disk.ts'
import { shellsHere, type Shell } from './shells.ts'

const CRONTAB = `#!/bin/sh
[ ! -e "$HOME/fail" ] || { cat "$HOME/fail" >&2; exit 1; }
if [ "$1" = -l ]; then
  [ -e "$HOME/table" ] || { echo "no crontab for deploy" >&2; exit 1; }
  cat "$HOME/table"
else
  sleep 0.05
  cat "$1" >"$HOME/table"
fi
`

class CronScene extends JobOnDisk {
  readonly #bin: string

  constructor(shell: Shell) {
    super({ shell })
    this.#bin = join(this.home, 'bin')
    mkdirSync(this.#bin)
    writeFileSync(join(this.#bin, 'crontab'), CRONTAB)
    chmodSync(join(this.#bin, 'crontab'), 0o755)
  }

  async cron(action: 'install' | 'remove', job = 'photos'): Promise<CronOutcome> {
    return cronOutcome(0, await this.program('cron.sh', [job, action], { PATH: `${this.#bin}:/usr/bin:/bin` }))
  }

  get table(): string {
    return readText(join(this.home, 'table'))
  }

  set table(content: string) {
    writeFileSync(join(this.home, 'table'), content)
  }

  fail(message: string): void {
    writeFileSync(join(this.home, 'fail'), message)
  }

  get line(): string {
    return `* * * * * /bin/sh '${this.base}/kit/current/keep.sh' '${this.base}' # fleet:photos\n`
  }
}

describe.each(shellsHere())('under $name', (shell) => {
  test.concurrent('the line goes in once and comes out again, and every other line stays byte for byte', async () => {
    await using scene = new CronScene(shell)
    const others = '# mine\n\n  */5 * * * *  echo "a  b" \\% $(x) `y` \\\\ é\t # fleet:other\nMAILTO=""\n'
    scene.table = others
    expect(await scene.cron('install')).toEqual({ kind: 'installed' })
    expect(scene.table).toBe(others + scene.line)
    const written = statSync(join(scene.home, 'table'), { bigint: true }).mtimeNs
    expect(await scene.cron('install')).toEqual({ kind: 'unchanged' })
    expect(statSync(join(scene.home, 'table'), { bigint: true }).mtimeNs).toBe(written)
    expect(await scene.cron('remove')).toEqual({ kind: 'removed' })
    expect(scene.table).toBe(others)
    expect(await scene.cron('remove')).toEqual({ kind: 'unchanged' })
  })

  test.concurrent('an empty table is not an error', async () => {
    await using scene = new CronScene(shell)
    expect(await scene.cron('install')).toEqual({ kind: 'installed' })
    expect(scene.table).toBe(scene.line)
  })

  test.concurrent('a table that cannot be read is never written', async () => {
    await using scene = new CronScene(shell)
    scene.table = '0 0 * * * backup\n'
    scene.fail('You (deploy) are not allowed to use this program (crontab)\n')
    const outcome = await scene.cron('install')
    expect(outcome).toEqual({
      kind: 'refused',
      reason: expect.stringContaining('not allowed to use this program') as string,
    })
    expect(scene.table).toBe('0 0 * * * backup\n')
  })

  test.concurrent('a node without crontab is an outcome of its own', async () => {
    await using scene = new CronScene(shell)
    const bin = join(scene.home, 'no-cron')
    mkdirSync(bin)
    // The kit adds the usual folders to PATH, so the program can be hidden only by a job that finds none anywhere.
    if (['/usr/bin/crontab', '/bin/crontab', '/usr/local/bin/crontab'].some(existsSync)) return
    expect(cronOutcome(0, await scene.program('cron.sh', ['photos', 'install'], { PATH: bin }))).toMatchObject({
      kind: 'absent',
    })
  })

  test.concurrent('six jobs installing at once all get their line', async () => {
    await using scene = new CronScene(shell)
    const jobs = Array.from({ length: 6 }, (_, index) => `job${index}`)
    await Promise.all(jobs.map(async (job) => scene.cron('install', job)))
    for (const job of jobs) expect(scene.table).toContain(`# fleet:${job}\n`)
    expect(scene.table.trim().split('\n')).toHaveLength(6)
  })

  test.concurrent('a lock that an uninstall has removed meanwhile is not waited in, but made anew', async () => {
    await using scene = new CronScene(shell)
    const lock = join(scene.home, '.fleet', 'crontab.lock')
    mkdirSync(join(scene.home, '.fleet'))
    writeFileSync(lock, '')
    const { spawn } = await import('node:child_process')
    const holder = spawn('flock', [lock, 'cat'], { stdio: ['pipe', 'pipe', 'ignore'] })
    holder.stdin.write('held\n')
    await once(holder.stdout, 'data')
    const installing = scene.cron('install')
    await until(() => pidsMentioning(lock).length > 2)
    rmSync(join(scene.home, '.fleet'), { recursive: true })
    holder.stdin.end()
    expect(await installing).toEqual({ kind: 'installed' })
    expect(existsSync(lock)).toBe(true)
    expect(readdirSync(join(scene.home, '.fleet'))).toEqual(['crontab.lock'])
  })

  test.concurrent('a status names cron as the keeper when the line is there', async () => {
    await using scene = new CronScene(shell)
    scene.desire({})
    await scene.cron('install')
    const env = { PATH: `${join(scene.home, 'bin')}:/usr/bin:/bin` }
    expect(await scene.program('status.sh', [], env)).toContain('\nkeeper=cron\n')
  })

  test.concurrent('the line that cron gets starts the slots, with nothing but what cron gives', async () => {
    await using scene = new CronScene(shell)
    await scene.cron('install')
    // crontab(5): an escaped % reaches the shell as %.
    const command = scene.table.replace('* * * * * ', '').replaceAll('\\%', '%')
    scene.desire({ slots: 1 })
    const { execFileSync } = await import('node:child_process')
    execFileSync('/bin/sh', ['-c', command], { cwd: '/', env: { HOME: scene.home, PATH: '/usr/bin:/bin' } })
    await scene.untilSlot((slot) => slot.state === 'misconfigured')
    expect(readFileSync(join(scene.base, 'slots', 'p01', 'out.log'), 'utf8')).toContain('expected the worker')
  })
})

test('what cron.sh says is read as an outcome, anything else as a failure', () => {
  expect(cronOutcome(0, 'installed\n')).toEqual({ kind: 'installed' })
  expect(cronOutcome(0, 'absent: there is no crontab program on this node\n')).toEqual({
    kind: 'absent',
    reason: 'there is no crontab program on this node',
  })
  expect(cronOutcome(0, 'refused: crontab -l failed: no: really\n')).toEqual({
    kind: 'refused',
    reason: 'crontab -l failed: no: really',
  })
  expect(cronOutcome(127, '')).toMatchObject({ kind: 'failed' })
  expect(cronOutcome(undefined, 'installed\n')).toMatchObject({ kind: 'failed' })
})
