// The fence of a changing command: nothing takes effect for an operator who does not hold the lock, and nobody takes the lock while
// something takes effect.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { forceReleaseCommand, parseLockRefusal, parseLockState, releaseLockCommand } from '../../../src/node/index.ts'
import { until } from '../job-on-disk.ts'
import { shellsHere, type Shell } from '../shells.ts'
import { LockScene, request } from './lock-scene.ts'

const EFFECT = 'fenced\necho "$1" >"$base/effect"\n'
/** Announces itself, and has its effect only when it is told to go on. */
const SLOW = 'fenced\n: >"$base/ready"\nuntil [ -e "$base/go" ]; do sleep 0.05; done\necho done >"$base/effect"\n'

const shells = shellsHere()

function open(shell: Shell | undefined): LockScene {
  return new LockScene(shell?.path ?? '/bin/sh')
}

describe.each(shells)('under $name', (shell) => {
  let scene: LockScene
  let path: (name: string) => string

  beforeEach(() => {
    scene = open(shell)
    path = (name) => join(scene.node.folder, name)
  })
  afterEach(async () => {
    // A script that still waits ends.
    if (existsSync(scene.node.folder)) writeFileSync(path('go'), '')
    await scene[Symbol.asyncDispose]()
  })

  it('lets the holder through, with the arguments and the exit code of the command', async () => {
    const holder = await scene.hold('a')
    expect(await scene.change('fenced; printf "%s|" "$#" "$@"; exit 3', holder, ['', 'a b', '*'])).toMatchObject({
      exitCode: 3,
      stdout: '3||a b|*|',
      stderr: '',
    })
  })

  it('refuses whoever does not hold it, and says why', async () => {
    const refusal = async (epoch: number, token: string): Promise<string> => {
      const { exitCode, stderr } = await scene.change(EFFECT, { epoch, token }, ['x'])
      expect(exitCode).toBe(77)
      expect(existsSync(path('effect'))).toBe(false)
      return stderr.trim()
    }
    expect(await refusal(1, 'a')).toMatch(/^there is no operator lock in .*\/etc$/)
    expect(existsSync(scene.node.folder)).toBe(false)
    const first = await scene.hold('a')
    const taken = 'the operator lock was taken by ann@laptop (fleet push a, since 2026-11-23T02:00:00Z)'
    expect(await refusal(1, 'b')).toBe(taken)
    expect(await refusal(2, 'a')).toBe(taken)
    await scene.node.run(releaseLockCommand(scene.node.base, first))
    expect(await refusal(1, 'a')).toBe('the operator lock of this run was given back or expired')
    const short = await scene.hold('c', { ttlMs: 150 })
    await scene.expiry()
    expect(await refusal(2, 'c')).toBe('the operator lock of this run was given back or expired')
    expect(await scene.renew(short)).toMatchObject({ exitCode: 77 })
    await scene.hold('d')
    await scene.node.run(forceReleaseCommand(scene.node.base, request('x')))
    expect(await refusal(3, 'd')).toBe('the operator lock of this run is gone: the epoch here is 4, ours is 3')
    scene.write('epoch', 'fleet-lock 1\nepoch=')
    expect(await refusal(3, 'd')).toMatch(/epoch cannot be read, so it is not known who may change this node$/)
  })

  it('keeps a taker out until the effect is done, however long the lock has expired by then', async () => {
    const late = scene.change(SLOW, await scene.hold('a', { ttlMs: 2000 }))
    await until(
      () => existsSync(path('ready')),
      () => 'the command to pass the fence',
    )
    await scene.expiry()
    const taken = scene.take('b').then((result) => ({ ...result, effect: existsSync(path('effect')) }))
    // It must have begun to wait.
    await Promise.race([taken, scene.state()])
    writeFileSync(path('go'), '')
    expect(await taken).toMatchObject({ exitCode: 0, effect: true })
    expect(await late).toMatchObject({ exitCode: 0 })
    expect(await scene.change(EFFECT, { epoch: 1, token: 'a' }, ['too late'])).toMatchObject({ exitCode: 77 })
    expect(readFileSync(path('effect'), 'utf8')).toBe('done\n')
  })

  it('lets the holder renew while a command takes effect', async () => {
    const holder = await scene.hold('a')
    const late = scene.change(SLOW, holder)
    await until(
      () => existsSync(path('ready')),
      () => 'the command to pass the fence',
    )
    expect(await scene.renew(holder)).toMatchObject({ exitCode: 0 })
    expect(await scene.change(EFFECT, holder, ['two'])).toMatchObject({ exitCode: 0 })
    writeFileSync(path('go'), '')
    expect(await late).toMatchObject({ exitCode: 0 })
  })

  it('lets others in after `unfenced`, and asks again when it is called again', async () => {
    const holder = await scene.hold('a', { ttlMs: 2000 })
    const script = `${SLOW.replace('fenced\n', 'fenced\nfenced\nunfenced\nunfenced\n')}fenced\necho more >"$base/effect"\n`
    const late = scene.change(script, holder)
    await until(
      () => existsSync(path('ready')),
      () => 'the command to give the fence back',
    )
    await scene.expiry()
    await scene.hold('b')
    writeFileSync(path('go'), '')
    expect(await late).toMatchObject({ exitCode: 77 })
    expect(readFileSync(path('effect'), 'utf8')).toBe('done\n')
  })

  it('does nothing where there are no operators', async () => {
    const { exitCode, stderr } = await scene.change(
      'mkdir -p "$base"; fenced; echo "$1" >"$base/effect"; unfenced',
      'unlocked',
      ['x'],
    )
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
    expect(readFileSync(path('effect'), 'utf8')).toBe('x\n')
    expect(scene.has('epoch')).toBe(false)
  })
})

it.skipIf(shells.length === 0)(
  'tells a taker that a command of the last holder does not end',
  async () => {
    await using scene = open(shells[0])
    const late = scene.change(SLOW, await scene.hold('a', { ttlMs: 1000 }))
    await until(
      () => existsSync(join(scene.node.folder, 'ready')),
      () => 'the command to pass the fence',
    )
    await scene.expiry()
    const { exitCode, stdout } = await scene.take('b')
    expect([exitCode, parseLockRefusal(stdout)]).toEqual([75, 'busy'])
    expect(parseLockState(stdout)).toMatchObject({ epoch: 1, holder: { token: 'a' } })
    writeFileSync(join(scene.node.folder, 'go'), '')
    expect(await late).toMatchObject({ exitCode: 0 })
  },
  60_000,
)
