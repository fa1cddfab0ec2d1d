// The operator lock of one node: who may have it, and for how long.
import { chmodSync, existsSync, readdirSync, rmSync, statSync, truncateSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  forceReleaseCommand,
  parseLockRefusal,
  parseLockState,
  releaseLockCommand,
  type Holder,
} from '../../../src/node/index.ts'
import { busyboxTools } from '../../fleet/local-node.ts'
import { shellsHere } from '../shells.ts'
import { LockScene, request } from './lock-scene.ts'

const isRoot = process.getuid?.() === 0
if (isRoot) process.stderr.write('SKIPPED a node where etc/ is read-only: root may write everywhere\n')

describe.each(shellsHere())('under $name', ({ path }) => {
  let scene: LockScene

  beforeEach(() => {
    scene = new LockScene(path)
  })
  afterEach(async () => {
    await scene[Symbol.asyncDispose]()
  })

  const release = (holder: Holder) => scene.node.run(releaseLockCommand(scene.node.base, holder))
  const force = (who = 'bob') =>
    scene.node.run(forceReleaseCommand(scene.node.base, { ...request('x'), who, command: 'fleet lock release' }))

  describe('take', () => {
    it('gives epoch 1 on a new node, and says who holds it', async () => {
      expect(await scene.state()).toEqual({ epoch: 0, holder: undefined })
      expect(existsSync(scene.node.folder)).toBe(false)
      const { exitCode, stdout, stderr } = await scene.take('a-1')
      expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
      const state = parseLockState(stdout)
      expect(state).toMatchObject({
        epoch: 1,
        holder: {
          token: 'a-1',
          who: 'ann',
          host: 'laptop',
          command: 'fleet push a-1',
          since: '2026-11-23T02:00:00Z',
          process: 'boot:4026531836:17:42',
        },
      })
      expect(state.holder?.expiresInS).toBeGreaterThan(30)
      expect(state.holder?.expiresInS).toBeLessThanOrEqual(60)
    })

    it('keeps its files private and leaves nothing else', async () => {
      await scene.hold('a')
      await scene.renew({ epoch: 1, token: 'a' })
      expect(readdirSync(`${scene.node.folder}/etc`).sort()).toEqual(['epoch', 'epoch.beat', 'epoch.lock'])
      for (const name of ['epoch', 'epoch.beat', 'epoch.lock'])
        expect(statSync(scene.file(name)).mode & 0o777).toBe(0o600)
      expect(statSync(`${scene.node.folder}/etc`).mode & 0o777).toBe(0o700)
    })

    it('is refused while somebody else holds it, and says who', async () => {
      await scene.hold('a')
      const { exitCode, stdout } = await scene.take('b')
      expect(exitCode).toBe(75)
      expect(parseLockRefusal(stdout)).toBe('held')
      expect(parseLockState(stdout)).toMatchObject({ epoch: 1, holder: { token: 'a', who: 'ann' } })
      expect(await scene.state()).toMatchObject({ epoch: 1, holder: { token: 'a' } })
    })

    it('may be repeated by the same run, whose first answer was lost', async () => {
      await scene.hold('a')
      expect(await scene.hold('a', { ifEpoch: 0 })).toEqual({ epoch: 2, token: 'a' })
    })

    it('succeeds once the last one has expired, and the epoch rises', async () => {
      await scene.hold('a', { ttlMs: 200 })
      await scene.expiry()
      expect(await scene.state()).toMatchObject({ epoch: 1, holder: { token: 'a' } })
      expect(await scene.hold('b')).toEqual({ epoch: 2, token: 'b' })
    })

    it('is refused when the epoch is not the one that was expected', async () => {
      await release(await scene.hold('a'))
      const { exitCode, stdout } = await scene.take('b', { ifEpoch: 0 })
      expect({ exitCode, reason: parseLockRefusal(stdout) }).toEqual({ exitCode: 75, reason: 'moved' })
      expect(await scene.hold('b', { ifEpoch: 1 })).toEqual({ epoch: 2, token: 'b' })
    })

    it('throws out the one run that it names as dead, and no other', async () => {
      await scene.hold('a')
      expect(await scene.take('b', { supersede: 'c' })).toMatchObject({ exitCode: 75 })
      expect(await scene.hold('b', { supersede: 'a' })).toEqual({ epoch: 2, token: 'b' })
      expect(await scene.take('c', { supersede: 'a' })).toMatchObject({ exitCode: 75 })
    })

    it('makes no folder where it may not', async () => {
      expect(await scene.take('a', { createFolder: false })).toMatchObject({
        exitCode: 66,
        stderr: expect.stringContaining('nothing was pushed there') as string,
      })
      expect(existsSync(scene.node.folder)).toBe(false)
    })

    it.skipIf(isRoot)('says that it cannot write', async () => {
      await release(await scene.hold('a'))
      chmodSync(`${scene.node.folder}/etc`, 0o500)
      expect(await scene.take('a')).toMatchObject({ exitCode: 73 })
    })

    it('prints one printable line each, whatever an operator is called', async () => {
      const who = 'Ann "O\'Neil"\nfleet-lock epoch=99\r\u001b]0;gone\u0007\u202e$(id) `id` \\ %s \u2028 é 漢'
      await scene.hold('a', { who, host: '', command: 'x'.repeat(5000), since: '=\t=' })
      const state = await scene.state()
      expect(state).toMatchObject({ epoch: 1, holder: { host: '', since: '=?=' } })
      expect(state.holder?.who).toBe('Ann "O\'Neil"?fleet-lock epoch=99??]0;gone??$(id) `id` \\ %s ? é 漢')
      expect(state.holder?.command).toHaveLength(200)
      expect(
        (await scene.take('b')).stdout.split('\n').filter((line) => line.startsWith('fleet-lock who=')),
      ).toHaveLength(1)
    })
  })

  describe('renew', () => {
    it('makes it good for longer, again and again', async () => {
      const holder = await scene.hold('a', { ttlMs: 5000 })
      for (let round = 0; round < 5; round += 1) expect(await scene.renew(holder)).toMatchObject({ exitCode: 0 })
      expect((await scene.state()).holder?.expiresInS).toBeGreaterThan(30)
      expect((await scene.state()).epoch).toBe(1)
    })

    it('is refused once it has expired, also when nobody else took it', async () => {
      const holder = await scene.hold('a', { ttlMs: 200 })
      await scene.expiry()
      const { exitCode, stdout } = await scene.renew(holder)
      expect({ exitCode, reason: parseLockRefusal(stdout) }).toEqual({ exitCode: 77, reason: 'expired' })
      expect((await scene.state()).holder?.expiresInS).toBeLessThanOrEqual(0)
    })

    it('is refused when somebody else has it, when it was given back, and where there is none', async () => {
      const nobody = await scene.renew({ epoch: 1, token: 'a' })
      expect([nobody.exitCode, parseLockRefusal(nobody.stdout)]).toEqual([77, 'moved'])
      expect(existsSync(scene.node.folder)).toBe(false)
      const first = await scene.hold('a')
      await release(first)
      expect(await scene.renew(first)).toMatchObject({ exitCode: 77 })
      await scene.hold('b')
      expect(await scene.renew(first)).toMatchObject({ exitCode: 77 })
      expect(await scene.renew({ epoch: 2, token: 'a' })).toMatchObject({ exitCode: 77 })
    })
  })

  describe('release', () => {
    it('gives it back, twice if need be, and the epoch stays', async () => {
      const holder = await scene.hold('a')
      for (let time = 0; time < 2; time += 1) expect(await release(holder)).toMatchObject({ exitCode: 0 })
      expect(await scene.state()).toEqual({ epoch: 1, holder: undefined })
    })

    it('leaves what is somebody else’s by now', async () => {
      const holder = await scene.hold('a', { ttlMs: 100 })
      await scene.expiry()
      await scene.hold('b')
      expect(await release(holder)).toMatchObject({ exitCode: 0 })
      expect(await scene.state()).toMatchObject({ epoch: 2, holder: { token: 'b' } })
    })

    it('makes nothing where nothing is', async () => {
      expect(await release({ epoch: 3, token: 'a' })).toMatchObject({ exitCode: 0 })
      expect(existsSync(scene.node.folder)).toBe(false)
    })
  })

  describe('release by force', () => {
    it('says whom it threw out, and refuses them from now on', async () => {
      const holder = await scene.hold('a')
      const { exitCode, stdout } = await force()
      expect(exitCode).toBe(0)
      expect(parseLockState(stdout)).toMatchObject({ epoch: 1, holder: { token: 'a' } })
      expect(await scene.state()).toEqual({ epoch: 2, holder: undefined })
      expect(await scene.renew(holder)).toMatchObject({ exitCode: 77 })
      expect(await scene.hold('b')).toEqual({ epoch: 3, token: 'b' })
    })

    it('changes nothing where nobody holds it', async () => {
      expect(parseLockState((await force()).stdout)).toEqual({ epoch: 0, holder: undefined })
      expect(existsSync(scene.node.folder)).toBe(false)
      await release(await scene.hold('a'))
      await force()
      expect((await scene.state()).epoch).toBe(1)
    })
  })

  describe('etc/epoch', () => {
    it.each([
      ['empty', ''],
      ['zeros, as after a crash', '\0'.repeat(60)],
      ['cut', 'fleet-lock 1\nepoch=7\ntoken=a\nwho=an'],
      ['without a number', 'fleet-lock 1\nepoch=seven\ntoken=a\nend\n'],
      ['octal', 'fleet-lock 1\nepoch=010\ntoken=a\nend\n'],
      ['too large', 'fleet-lock 1\nepoch=99999999999999999999\ntoken=a\nend\n'],
      ['of a later version', 'fleet-lock 2\nepoch=7\nend\n'],
    ])(
      'that is %s refuses everybody until it is released by force, and never begins at 0 again',
      async (_, content) => {
        scene.write('epoch', content)
        scene.write('epoch.beat', 'fleet-beat 1\nepoch=0\nend\n')
        expect(await scene.take('a')).toMatchObject({
          exitCode: 77,
          stderr: expect.stringContaining('epoch cannot be read') as string,
        })
        expect(await scene.state()).toEqual({ epoch: 0, holder: undefined, isDamaged: true })
        expect(scene.read('epoch')).toBe(content)
        expect(await force()).toMatchObject({ exitCode: 0 })
        expect((await scene.hold('a')).epoch).toBeGreaterThan(1_700_000_000)
      },
    )

    it('keeps rising across expiry, release, force and a reboot', async () => {
      await scene.hold('a', { ttlMs: 100 })
      await scene.expiry()
      await release(await scene.hold('b'))
      await scene.hold('c')
      await force()
      await scene.hold('d')
      // Another boot: its clock began anew.
      scene.write(
        'epoch.beat',
        scene.read('epoch.beat').replace(/^boot=.*$/m, 'boot=11111111-2222-3333-4444-555555555555'),
      )
      expect(await scene.state()).toMatchObject({ epoch: 5, holder: { token: 'd', expiresInS: 0 } })
      expect(await scene.hold('e')).toEqual({ epoch: 6, token: 'e' })
    })
  })

  it('has expired when the clock began anew under the same boot id, as it does in a container', async () => {
    const holder = await scene.hold('a')
    scene.write('epoch.beat', scene.read('epoch.beat').replace(/^expires=.*$/m, 'expires=99999999999'))
    expect((await scene.state()).holder?.expiresInS).toBe(0)
    expect(await scene.renew(holder)).toMatchObject({ exitCode: 77 })
    expect(await scene.hold('b')).toEqual({ epoch: 2, token: 'b' })
  })

  it('is nobody’s when the beat was lost or cut by a power loss', async () => {
    await scene.hold('a')
    truncateSync(scene.file('epoch.beat'), 0)
    expect(await scene.hold('b')).toEqual({ epoch: 2, token: 'b' })
    rmSync(scene.file('epoch.beat'))
    expect(await scene.hold('c')).toEqual({ epoch: 3, token: 'c' })
  })
})

const [shell] = shellsHere()
const tools = busyboxTools()

it.skipIf(shell === undefined || tools === undefined)('works with the tools of busybox', async () => {
  await using scene = new LockScene(shell?.path ?? '/bin/sh', tools)
  const holder = await scene.hold('a')
  expect(await scene.renew(holder)).toMatchObject({ exitCode: 0, stderr: '' })
  expect(await scene.change('fenced\necho "$1"\n', holder, ['through'])).toMatchObject({
    exitCode: 0,
    stdout: 'through\n',
  })
  expect(await scene.take('b')).toMatchObject({ exitCode: 75, stderr: '' })
  const { exitCode, stderr } = await scene.node.run(forceReleaseCommand(scene.node.base, request('x')))
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
  expect(await scene.hold('b')).toEqual({ epoch: 3, token: 'b' })
})

it.skipIf(isRoot)('is not lost where etc/ cannot be written: the node says so, and is asked again', async () => {
  await using scene = new LockScene(shell?.path ?? '/bin/sh')
  const holder = await scene.hold('a')
  chmodSync(scene.file('epoch.lock'), 0o400)
  expect(await scene.renew(holder)).toMatchObject({ exitCode: 73 })
  expect(await scene.change('fenced\n', holder)).toMatchObject({ exitCode: 73 })
})
