// run.sh, the worker of kind exec, against real HTTP: what it asks, what it runs, and that a command never outlives its lease.
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { Secret } from '../../src/core/index.ts'
import { isMissing } from '../support/requires-program.ts'
import { DispatcherDouble, type DispatcherOptions } from './dispatcher-double.ts'
import { isAlive, JobOnDisk, pidsMentioning, readText, tryKill, until } from './job-on-disk.ts'
import { shellsHere, type Shell } from './shells.ts'
import type { WorkerSettings } from '../../src/node/index.ts'

/** Says that it is there, and stays, ignoring TERM if asked to. */
const LONG = `#!/bin/sh
[ -z "$STUBBORN" ] || trap '' TERM
echo "$$" >>"$PLACE/pids"
while [ ! -e "$PLACE/go" ]; do sleep 0.1; done
echo "finished $FLEET_ID"
`

interface Scene extends AsyncDisposable {
  readonly job: JobOnDisk
  readonly dispatcher: DispatcherDouble
}

async function scene(
  shell: Shell,
  files: Record<string, string>,
  options: DispatcherOptions,
  settings: Partial<WorkerSettings> = {},
): Promise<Scene> {
  const dispatcher = await DispatcherDouble.start(options)
  const job = new JobOnDisk({
    shell,
    files,
    settings: { kind: 'exec', command: ['./work', '{id}'], url: dispatcher.url, ...settings },
  })
  job.configure({ env: { PLACE: job.home, ...settings.env } })
  return {
    job,
    dispatcher,
    async [Symbol.asyncDispose]() {
      await job[Symbol.asyncDispose]()
      await dispatcher[Symbol.asyncDispose]()
    },
  }
}

const commandPids = (job: JobOnDisk): readonly number[] =>
  readText(join(job.home, 'pids')).split('\n').filter(Boolean).map(Number)

describe.skipIf(isMissing('curl', 'the worker of kind exec')).each(shellsHere())('under $name', (shell) => {
  test.concurrent('every ID is run once and completed, and the worker finishes with the job', async () => {
    const ids = Array.from({ length: 20 }, (_, index) => `user-${index}`)
    await using scenery = await scene(
      shell,
      { work: '#!/bin/sh\necho "$1" >>"$PLACE/done"\n' },
      { ids, finishes: true },
    )
    const { job, dispatcher } = scenery
    await job.want({})
    await job.untilSlot((slot) => slot.state === 'finished')
    expect(readText(join(job.home, 'done')).trim().split('\n')).toEqual(ids)
    expect(new Set(Object.values(dispatcher.states()))).toEqual(new Set(['done']))
    // The next lease came with every settle, so one call for each ID and two more.
    expect(dispatcher.calls).toHaveLength(22)
    expect(new Set(dispatcher.calls.map((call) => call.token))).toEqual(new Set(['Bearer s3cret-token']))
    expect(dispatcher.calls[0]?.form.get('slot')).toBe('node07/p01')
    expect(readdirSync(join(job.base, 'slots', 'p01', 'scratch'))).toEqual([])
  })

  test.concurrent('a worker does not take up the settings of another operator while it works', async () => {
    await using other = await DispatcherDouble.start({ ids: ['of the other'], finishes: true })
    const work = '#!/bin/sh\necho "$OWNER $1" >>"$PLACE/done"\nwhile [ ! -e "$PLACE/go" ]; do sleep 0.1; done\n'
    await using scenery = await scene(
      shell,
      { work },
      { ids: ['one', 'two'], finishes: true },
      { env: { OWNER: 'first' } },
    )
    const { job, dispatcher } = scenery
    await job.want({})
    await until(() => readText(join(job.home, 'done')) === 'first one\n')
    job.configure({ url: other.url, env: { PLACE: job.home, OWNER: 'second' }, token: new Secret('another') })
    await job.want({ generation: 2 })
    writeFileSync(join(job.home, 'go'), '')
    await job.untilSlot((slot) => slot.state === 'finished')
    // Its own work first, with its own settings; then, because of the new generation, that of the other.
    expect(readText(join(job.home, 'done')).trim().split('\n')).toEqual([
      'first one',
      'first two',
      'second of the other',
    ])
    expect(new Set(dispatcher.calls.map((call) => call.token))).toEqual(new Set(['Bearer s3cret-token']))
    expect(new Set(other.calls.map((call) => call.token))).toEqual(new Set(['Bearer another']))
  })

  test.concurrent('hostile IDs reach argv and environment byte for byte', async () => {
    const ids = [
      '$(reboot)',
      '`reboot`',
      '-rf',
      '--',
      '*',
      "it's",
      '"quoted"',
      'a  b ',
      ' lead',
      '{slot}{node}{id}',
      '\\n\\',
      '日本語',
      '@/etc/passwd',
      'a=b&c=d%20+',
      '~',
      '!',
    ]
    const work = '#!/bin/sh\nprintf "%s\\0%s\\0%s\\0" "$1" "$FLEET_ID" "$2" >>"$PLACE/seen"\n'
    await using scenery = await scene(
      shell,
      { work },
      { ids, finishes: true },
      { command: ['./work', '{id}', '<{id}|{slot}|{node}|{other}>'] },
    )
    const { job, dispatcher } = scenery
    await job.want({})
    await job.untilSlot((slot) => slot.state === 'finished')
    expect(readText(join(job.home, 'seen')).split('\0').slice(0, -1)).toEqual(
      ids.flatMap((id) => [id, id, `<${id}|p01|node07|{other}>`]),
    )
    expect(dispatcher.calls.filter((call) => call.action === 'complete').map((call) => call.form.get('id'))).toEqual(
      ids,
    )
  })

  test.concurrent('exit codes become outcomes, and the end of stderr the message', async () => {
    const ids = ['0', '75', '100', '3', 'kill', 'long']
    const work = `#!/bin/sh
case $1 in
  75) [ ! -e "$PLACE/75" ] || exit 0; : >"$PLACE/75" ;;
  3) echo "cannot read ü" >&2 ;;
  long) i=0; while [ $i -lt 300 ]; do i=$((i + 1)); echo "line $i" >&2; done; exit 1 ;;
  kill) kill -KILL $$ ;;
esac
exit "$1"
`
    await using scenery = await scene(shell, { work }, { ids, finishes: true })
    const { job, dispatcher } = scenery
    await job.want({})
    await job.untilSlot((slot) => slot.state === 'finished')
    const failure = (id: string): unknown =>
      Object.fromEntries(
        ['error.class', 'error.message', 'permanent'].map((key) => [key, dispatcher.find('fail', id)?.form.get(key)]),
      )
    expect(dispatcher.find('release', '75')).toBeDefined()
    expect(dispatcher.find('release', '75')?.form.has('delay_ms')).toBe(false)
    expect(failure('100')).toEqual({
      'error.class': 'exit-100',
      'error.message': '(nothing on stderr)',
      permanent: 'true',
    })
    expect(failure('3')).toEqual({ 'error.class': 'exit-3', 'error.message': 'cannot read ü', permanent: null })
    expect(failure('kill')).toMatchObject({ 'error.class': 'signal-9' })
    const message = dispatcher.find('fail', 'long')?.form.get('error.message') ?? ''
    expect(message).toMatch(/^line \d+\n[^]*line 300$/)
    expect(Buffer.byteLength(message)).toBeLessThanOrEqual(2048)
    expect(job.read('p01', 'out.log')).toContain('cannot read ü\n')
  })

  test.concurrent(
    'each ID has its own empty scratch directory, its payload, and its names in the environment',
    async () => {
      const work = `#!/bin/sh
{ pwd; ls -A | wc -l; cat "$FLEET_PAYLOAD_FILE"; echo; echo "$FLEET_JOB $FLEET_NODE $FLEET_SLOT $FLEET_FENCE $FLEET_ATTEMPT $FLEET_RELEASE"; } >>"$PLACE/seen"
mkdir -p deep/er; chmod 0 deep; echo secret >left-over
[ "$FLEET_SCRATCH" = "$(pwd)" ]
`
      const payload = '{"a": "é\\n",\n "b": 1}'
      await using scenery = await scene(
        shell,
        { work },
        {
          ids: [
            { id: 'a', payload },
            { id: 'b', payload: '2' },
          ],
          finishes: true,
        },
      )
      const { job, dispatcher } = scenery
      await job.want({})
      await job.untilSlot((slot) => slot.state === 'finished')
      const scratch = join(job.base, 'slots', 'p01', 'scratch')
      const names = (fence: number): string => `photos node07 p01 ${fence} 1 ${join(job.base, 'releases', 'r1')}\n`
      expect(readText(join(job.home, 'seen'))).toBe(
        `${scratch}/1\n0\n${payload}\n${names(1)}${scratch}/2\n0\n2\n${names(2)}`,
      )
      expect(dispatcher.states()).toEqual({ a: 'done', b: 'done' })
      expect(readdirSync(scratch)).toEqual([])
    },
  )

  test.concurrent('a long command is renewed while it runs, and the token is in no argument', async () => {
    await using scenery = await scene(shell, { work: LONG }, { ids: ['a'], ttlMs: 9000, finishes: true })
    const { job, dispatcher } = scenery
    // Answers slow enough that curl is there to be looked at.
    dispatcher.intercept = (call) => (call.action === 'renew' ? 1000 : undefined)
    const seen = new Set<string>()
    await job.want({})
    await until(() => {
      for (const pid of pidsMentioning(job.home)) seen.add(readText(`/proc/${pid}/cmdline`))
      return dispatcher.count('renew') >= 2 && [...seen].some((argv) => argv.startsWith('curl'))
    })
    expect([...seen].join('\n')).not.toContain('s3cret-token')
    // A wake-up for nothing changes nothing.
    tryKill(job.livePid('worker'), 'SIGUSR2')
    expect(commandPids(job)).toHaveLength(1)
    writeFileSync(join(job.home, 'go'), '')
    await job.untilSlot((slot) => slot.state === 'finished')
    expect(dispatcher.states()).toEqual({ a: 'done' })
    expect(dispatcher.count('complete')).toBe(1)
  })

  test.concurrent('when run.sh is killed its command is ended before a new worker starts', async () => {
    await using scenery = await scene(shell, { work: LONG }, { ids: ['a'] }, { env: { STUBBORN: 'yes' } })
    const { job } = scenery
    await job.want({})
    await until(() => commandPids(job).length === 1)
    const [command = 0] = commandPids(job)
    tryKill(job.livePid('worker'), 'SIGKILL')
    await job.untilSlot((slot) => slot.starts === 2 && slot.state === 'running')
    expect(isAlive(command)).toBe(false)
  })

  test.concurrent('the same when nobody supervised it at that moment', async () => {
    await using scenery = await scene(shell, { work: LONG }, { ids: ['a'] }, { env: { STUBBORN: 'yes' } })
    const { job } = scenery
    await job.want({})
    await until(() => commandPids(job).length === 1)
    const [command = 0] = commandPids(job)
    for (const role of ['supervisor', 'worker'] as const) tryKill(job.livePid(role), 'SIGKILL')
    await until(() => job.pid('supervisor') === undefined && job.pid('worker') === undefined)
    await job.keep()
    await job.untilSlot((slot) => slot.starts === 2 && slot.state === 'running')
    expect(isAlive(command)).toBe(false)
  })

  test.concurrent('a command whose watcher was killed is ended and reported as lost', async () => {
    await using scenery = await scene(shell, { work: LONG }, { ids: ['a'], ttlMs: 3000 })
    const { job, dispatcher } = scenery
    await job.want({})
    await until(() => commandPids(job).length === 1)
    const [command = 0] = commandPids(job)
    const parent = Number(readText(`/proc/${command}/stat`).split(') ').at(-1)?.split(' ')[1])
    expect(parent).not.toBe(job.livePid('worker'))
    tryKill(parent, 'SIGKILL')
    await until(() => dispatcher.find('fail', 'a') !== undefined)
    expect(dispatcher.find('fail', 'a')?.form.get('error.class')).toBe('lost')
    expect(isAlive(command)).toBe(false)
    expect(job.livePid('worker')).toBeGreaterThan(1)
  })

  test.concurrent('a lost lease ends the command at once, and nothing is settled', async () => {
    await using scenery = await scene(
      shell,
      { work: LONG },
      { ids: ['a'], ttlMs: 3000 },
      { env: { STUBBORN: 'yes' }, graceMs: 30_000 },
    )
    const { job, dispatcher } = scenery
    dispatcher.intercept = (call) => (call.action === 'renew' ? { status: 409, body: 'stale' } : undefined)
    await job.want({})
    await until(() => commandPids(job).length >= 1)
    const [command = 0] = commandPids(job)
    await until(() => !isAlive(command))
    await until(() => job.read('p01', 'out.log').includes('was given to another worker'))
    expect(['complete', 'fail', 'release'].map((action) => dispatcher.count(action))).toEqual([0, 0, 0])
  })

  test.concurrent.each(['hang', 'refuse'] as const)(
    'without answers to its renewals (%s) a command is dead before its lease ends',
    async (how) => {
      await using scenery = await scene(
        shell,
        { work: LONG },
        { ids: ['a'], ttlMs: 6000 },
        { env: { STUBBORN: 'yes' }, graceMs: 30_000 },
      )
      const { job, dispatcher } = scenery
      let leasedAt = 0
      dispatcher.intercept = (call) => {
        if (leasedAt > 0) return how === 'hang' ? 'hang' : { status: 500, body: 'broken' }
        if (call.action === 'lease') leasedAt = performance.now()
        return undefined
      }
      await job.want({})
      await until(() => commandPids(job).length === 1)
      const [command = 0] = commandPids(job)
      await until(() => !isAlive(command))
      // Seen by a poll that may come late on a loaded machine; the lease is 6 s and KILL is due 0.6 s before its end.
      expect(performance.now() - leasedAt).toBeLessThan(6500)
      await until(() => job.read('p01', 'out.log').includes('could not renew the lease of a (fence 1) in time'))
    },
  )

  test.concurrent('a command that takes longer than allowed is ended and fails as timeout', async () => {
    await using scenery = await scene(
      shell,
      { work: LONG },
      { ids: ['a'] },
      { timeoutMs: 700, env: { STUBBORN: 'yes' }, graceMs: 300 },
    )
    const { job, dispatcher } = scenery
    await job.want({})
    await until(() => dispatcher.find('fail', 'a') !== undefined)
    expect(dispatcher.find('fail', 'a')?.form.get('error.class')).toBe('timeout')
    expect(dispatcher.find('fail', 'a')?.form.get('error.message')).toBe('killed after 700 ms, the limit for one ID')
    expect(commandPids(job).some(isAlive)).toBe(false)
  })

  test.concurrent('drain finishes the running ID and takes no other', async () => {
    await using scenery = await scene(shell, { work: LONG }, { ids: ['a', 'b'] })
    const { job, dispatcher } = scenery
    await job.want({})
    await until(() => commandPids(job).length === 1)
    await job.want({ state: 'down', mode: 'drain' })
    await job.untilSlot((slot) => slot.detail === 'draining')
    expect(commandPids(job).every(isAlive)).toBe(true)
    writeFileSync(join(job.home, 'go'), '')
    await job.untilSlot((slot) => slot.state === 'down')
    expect(dispatcher.states()).toEqual({ a: 'done', b: 'pending' })
    expect(dispatcher.find('complete', 'a')?.form.has('next.slot')).toBe(false)
    await until(() => pidsMentioning(job.base).length === 0)
  })

  test.concurrent('stop now ends the command and gives its ID back', async () => {
    await using scenery = await scene(shell, { work: LONG }, { ids: ['a'] }, { env: { STUBBORN: 'yes' }, graceMs: 500 })
    const { job, dispatcher } = scenery
    await job.want({})
    await until(() => commandPids(job).length === 1)
    await job.want({ state: 'down', mode: 'now' })
    await job.untilSlot((slot) => slot.state === 'down')
    expect(dispatcher.find('release', 'a')).toBeDefined()
    expect(commandPids(job).some(isAlive)).toBe(false)
    await until(() => pidsMentioning(job.base).length === 0)
  })

  test.concurrent('a lease that was granted while the worker was told to drain is given back', async () => {
    await using scenery = await scene(shell, { work: LONG }, { ids: ['a'] })
    const { job, dispatcher } = scenery
    let polls = 0
    dispatcher.intercept = (call) => (call.action === 'lease' && ++polls === 1 ? 'hang' : undefined)
    await job.want({})
    await until(() => dispatcher.count('lease') === 1)
    await job.want({ state: 'down', mode: 'drain' })
    await job.untilSlot((slot) => slot.state === 'down')
    expect(dispatcher.calls.map((call) => call.action)).toEqual(['lease', 'lease', 'release'])
    expect(dispatcher.calls[1]?.form.get('instance')).toBe(dispatcher.calls[0]?.form.get('instance'))
    expect(commandPids(job)).toEqual([])
  })

  test.concurrent(
    'a lease that came at the end of a long poll is asked for once more, to have it in full',
    async () => {
      await using scenery = await scene(shell, { work: '#!/bin/sh\n' }, { ids: ['a'], ttlMs: 6000, finishes: true })
      const { job, dispatcher } = scenery
      let polls = 0
      dispatcher.intercept = (call) => (call.action === 'lease' && ++polls === 1 ? 3500 : undefined)
      await job.want({})
      await job.untilSlot((slot) => slot.state === 'finished')
      expect(dispatcher.calls.map((call) => call.action)).toEqual(['lease', 'lease', 'complete', 'lease'])
      expect(dispatcher.find('complete', 'a')?.form.get('fence')).toBe('1')
    },
  )

  test.concurrent('a worker without a dispatcher asks again and again, and says so once', async () => {
    await using scenery = await scene(shell, { work: '#!/bin/sh\nexit 0\n' }, { ids: ['a'], finishes: true })
    const { job, dispatcher } = scenery
    let calls = 0
    dispatcher.intercept = (call) => {
      calls += 1
      if (calls === 1) return { status: 503, headers: { 'Retry-After': '1' }, body: 'paused' }
      if (calls === 2) return { status: 429, body: 'slow down' }
      return calls === 4 && call.action === 'complete' ? { status: 500, body: 'broken' } : undefined
    }
    await job.want({})
    await job.untilSlot((slot) => slot.state === 'finished')
    expect(dispatcher.calls.map((call) => call.action)).toEqual([
      'lease',
      'lease',
      'lease',
      'complete',
      'complete',
      'lease',
    ])
    expect(job.read('p01', 'out.log').match(/answers 503: paused/g)).toHaveLength(1)
    expect(job.read('p01', 'out.log').match(/answers again/g)).toHaveLength(2)
  })

  test.concurrent.each([401, 403, 404])(
    '%i makes the slot misconfigured with the reason in its log',
    async (status) => {
      await using scenery = await scene(shell, { work: '#!/bin/sh\n' }, { ids: ['a'] })
      const { job, dispatcher } = scenery
      dispatcher.intercept = () => ({ status, body: 'this token is not known' })
      await job.want({})
      await job.untilSlot((slot) => slot.state === 'misconfigured')
      expect(job.read('p01', 'out.log')).toContain(`refuses this node (${status}): this token is not known`)
    },
  )

  test.concurrent('a settle that comes too late is noted, and the next ID is asked for', async () => {
    await using scenery = await scene(shell, { work: '#!/bin/sh\nexit 0\n' }, { ids: ['a', 'b'], finishes: true })
    const { job, dispatcher } = scenery
    let settles = 0
    dispatcher.intercept = (call) =>
      call.action === 'complete' && ++settles === 1 ? { status: 409, body: 'stale' } : undefined
    await job.want({})
    await job.untilSlot((slot) => slot.state === 'finished')
    expect(job.read('p01', 'out.log')).toContain('too late to complete a')
  })

  test.concurrent('what a command leaves running in its group is ended before the next ID', async () => {
    // Not `kill -0`, which would count a zombie that nobody has reaped yet.
    const work = `#!/bin/sh
[ "$1" = b ] || { sleep 300 & echo $! >"$PLACE/left"; exit 0; }
! grep -q sleep "/proc/$(cat "$PLACE/left")/cmdline" 2>/dev/null
`
    await using scenery = await scene(shell, { work }, { ids: ['a', 'b'], finishes: true })
    const { job, dispatcher } = scenery
    await job.want({})
    await job.untilSlot((slot) => slot.state === 'finished')
    expect(dispatcher.states()).toEqual({ a: 'done', b: 'done' })
  })
})
