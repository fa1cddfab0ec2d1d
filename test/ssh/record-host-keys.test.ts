// New host keys on their way into known_hosts: whole lines, each once, on the disk.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, test } from 'vitest'
import { parseNodeName } from '../../src/core/index.ts'
import { createTrustStore, type TrustStore } from '../../src/ssh/host-trust.ts'
import { generateKeyPair, type Target } from '../../src/ssh/index.ts'
import { knownHostsLine } from '../../src/ssh/known-hosts.ts'
import { withKnownHostsLock } from '../../src/ssh/known-hosts-lock.ts'
import { errorOf, eventually } from './workbench.ts'

const folder = mkdtempSync(join(tmpdir(), 'fleet-record-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
let files = 0
const newFile = (text?: string): string => {
  const file = join(folder, `known_hosts_${(files += 1)}`)
  if (text !== undefined) writeFileSync(file, text)
  return file
}

const newBlob = (): Buffer => Buffer.from(generateKeyPair().public.split(' ')[1] ?? '', 'base64')
const blob = newBlob()
const other = newBlob()

const target = (address: string, hostKeys: Target['hostKeys'] = {}, port = 22): Target => {
  return { node: parseNodeName('n1'), address, port, user: 'root', identities: [], hostKeys }
}
const accepting = (file: string): TrustStore => createTrustStore({ files: [file], acceptNew: true })
const record = async (store: TrustStore, to: Target, key = blob): Promise<void> => (await store.look(to)).record(key)
const linesOf = (file: string): string[] => readFileSync(file, 'utf8').split('\n').slice(0, -1)

describe('recording host keys', () => {
  test('leaves one whole line for each of 200 servers that are met at once, each of them three times', async () => {
    const file = newFile()
    const store = accepting(file)
    const names = Array.from({ length: 200 }, (_, index) => `node${index + 1}`)
    await Promise.all([...names, ...names, ...names].map((name) => record(store, target(name))))
    expect(linesOf(file).toSorted()).toEqual(names.map((name) => knownHostsLine(name, 22, blob)).toSorted())
    expect(statSync(file).mode & 0o777).toBe(0o600)
  })

  test('gives a name the first of two keys that are met at once, and refuses the second', async () => {
    const file = newFile()
    const store = accepting(file)
    const first = await store.look(target('node1'))
    const second = await store.look(target('node1'))
    const [accepted, refused] = await Promise.allSettled([first.record(blob), second.record(other)])
    expect(accepted.status).toBe('fulfilled')
    await errorOf(
      refused.status === 'rejected' ? Promise.reject(refused.reason as Error) : Promise.resolve(),
      'FLEET_SSH_HOST_KEY_CHANGED',
    )
    expect(linesOf(file)).toEqual([knownHostsLine('node1', 22, blob)])
  })

  test.each([1, 2, 3])('by two processes that meet the same 20 servers leaves 20 whole lines (round %i)', async () => {
    const file = newFile(`# before\n${knownHostsLine('n7', 22, blob)}`)
    const program = fileURLToPath(new URL('./record-host-keys.ts', import.meta.url))
    const children = Array.from({ length: 2 }, () =>
      spawn(process.execPath, [program, file, '20', blob.toString('base64')], {
        stdio: ['pipe', 'pipe', 'inherit'],
        timeout: 20_000,
      }),
    )
    await Promise.all(children.map((child) => once(child.stdout, 'data')))
    const ended = children.map((child) => once(child, 'exit'))
    for (const child of children) child.stdin.end()
    expect(await Promise.all(ended)).toEqual([
      [0, null],
      [0, null],
    ])
    const names = Array.from({ length: 20 }, (_, index) => `n${index + 1}`)
    const [comment, ...lines] = linesOf(file)
    expect(comment).toBe('# before')
    expect(lines.toSorted()).toEqual(names.map((name) => knownHostsLine(name, 22, blob)).toSorted())
  })

  test('goes on without the lock when another process does not give it back', async () => {
    const file = newFile('')
    const pipes = (): number => process.getActiveResourcesInfo().filter((name) => name.startsWith('Pipe')).length
    const before = pipes()
    const started = performance.now()
    const isDone = await withKnownHostsLock(file, 60_000, () =>
      withKnownHostsLock(file, 50, () => Promise.resolve(true)),
    )
    expect(isDone).toBe(true)
    expect(performance.now() - started).toBeLessThan(20_000)
    await eventually(() => pipes() === before, 'the lock’s socket to be gone')
  })

  test('keeps nothing in /dev/null and does not fail', async () => {
    const store = accepting('/dev/null')
    await record(store, target('node1'))
    await record(store, target('node1'), other)
  })

  test('makes the file and its folder', async () => {
    const file = join(folder, 'new', 'deep', 'known_hosts')
    await record(accepting(file), target('node1'))
    expect(linesOf(file)).toHaveLength(1)
    expect(statSync(join(folder, 'new')).mode & 0o777).toBe(0o700)
  })

  test('writes through a symbolic link, also one whose file is not there yet', async () => {
    for (const text of ['# here\n', undefined]) {
      const file = newFile(text)
      const link = `${file}.link`
      symlinkSync(file, link)
      await record(accepting(link), target('node1'))
      expect(linesOf(file).at(-1)).toBe(knownHostsLine('node1', 22, blob))
    }
  })

  test('uses the alias instead of address and port', async () => {
    const file = newFile()
    const store = accepting(file)
    await record(store, target('10.0.0.7', { alias: 'Photos-7' }, 2222))
    expect(linesOf(file)).toEqual([knownHostsLine('photos-7', 22, blob)])
    const trust = await store.look(target('10.9.9.9', { alias: 'photos-7' }, 22))
    expect(trust.refusal(other)?.code).toBe('FLEET_SSH_HOST_KEY_CHANGED')
    expect(trust.refusal(blob)).toBeUndefined()
  })

  test('writes nothing for a server that is known by its name without port', async () => {
    const file = newFile(`${knownHostsLine('node1', 22, blob)}\n`)
    await record(accepting(file), target('node1', {}, 2222))
    expect(linesOf(file)).toHaveLength(1)
  })

  test.each(['*', 'a,b', 'a b', 'x\ny ssh-ed25519 AAAA', '@revoked', '|1|a|b'])(
    'refuses the name %j, which would mean more than itself, and the others of the same moment are recorded',
    async (alias) => {
      const file = newFile('')
      const store = accepting(file)
      const [, odd] = await Promise.allSettled([
        record(store, target('node1')),
        errorOf(record(store, target('node2', { alias })), 'FLEET_SSH_KNOWN_HOSTS'),
        record(store, target('node3')),
      ])
      expect(odd.status).toBe('fulfilled')
      expect(linesOf(file)).toHaveLength(2)
    },
  )

  test('says so where there is no file to record in, and where it cannot be written', async () => {
    const none = createTrustStore({ files: [], acceptNew: true })
    expect((await errorOf(record(none, target('node1')), 'FLEET_SSH_KNOWN_HOSTS')).remedy).toContain('--known-hosts')
    mkdirSync(join(folder, 'a-folder'))
    await errorOf(record(accepting(join(folder, 'a-folder')), target('node1')), 'FLEET_SSH_KNOWN_HOSTS')
    const below = join(newFile('a file'), 'known_hosts')
    await errorOf(record(accepting(below), target('node1')), 'FLEET_SSH_KNOWN_HOSTS')
  })

  test('refuses a pipe at once, which would keep it waiting', async () => {
    const pipe = newFile()
    spawnSync('mkfifo', [pipe])
    expect(existsSync(pipe)).toBe(true)
    await errorOf(record(accepting(pipe), target('node1')), 'FLEET_SSH_KNOWN_HOSTS')
  })
})

describe('a trust store that stays open', () => {
  test('sees what others write, replace and remove', async () => {
    const file = newFile()
    const store = createTrustStore({ files: [file], acceptNew: false })
    const codeFor = async (key: Buffer): Promise<string | undefined> =>
      (await store.look(target('node1'))).refusal(key)?.code
    expect(await codeFor(blob)).toBe('FLEET_SSH_HOST_KEY_UNKNOWN')
    appendFileSync(file, `${knownHostsLine('node1', 22, blob)}\n`)
    expect(await codeFor(blob)).toBeUndefined()
    // Same file, same length; the time is set so that a coarse clock of the file system cannot hide the change.
    writeFileSync(file, `${knownHostsLine('node1', 22, other)}\n`)
    utimesSync(file, 1, 1)
    expect(await codeFor(blob)).toBe('FLEET_SSH_HOST_KEY_CHANGED')
    appendFileSync(file, `@revoked * ${knownHostsLine('x', 22, other).slice(2)}\n`)
    expect(await codeFor(other)).toBe('FLEET_SSH_HOST_KEY_REVOKED')
    rmSync(file)
    expect(await codeFor(other)).toBe('FLEET_SSH_HOST_KEY_UNKNOWN')
  })

  test('is quick with many targets and large files', async () => {
    const lines = Array.from({ length: 10_000 }, (_, index) => knownHostsLine(`node${index}`, 22, blob))
    const file = newFile(lines.join('\n'))
    const store = createTrustStore({ files: [file], acceptNew: false })
    const started = performance.now()
    const looks = Array.from({ length: 200 }, async (_, index) =>
      (await store.look(target(`node${index}`))).refusal(blob),
    )
    expect(new Set(await Promise.all(looks))).toEqual(new Set([undefined]))
    expect(performance.now() - started).toBeLessThan(2500)
  })
})

describe('a refusal', () => {
  const refusal = async (text: string, to: Target): Promise<{ message: string; remedy: string }> => {
    const file = newFile(text)
    const store = createTrustStore({ files: [file], acceptNew: true })
    const error = (await store.look(to)).refusal(blob)
    return { message: error?.message ?? '', remedy: error?.remedy?.replaceAll(file, 'FILE') ?? '' }
  }

  test('of a changed key names the command that removes the old one, which does', async () => {
    const file = newFile(`# a\n${knownHostsLine('node1', 2222, other)}\n${knownHostsLine('node2', 22, other)}\n`)
    const store = accepting(file)
    const error = (await store.look(target('node1', {}, 2222))).refusal(blob)
    const command = /ssh-keygen -R .*? -f [^,;\s]+/.exec(error?.remedy ?? '')?.[0] ?? 'false'
    expect(command).toBe(`ssh-keygen -R '[node1]:2222' -f ${file}`)
    expect(error?.message).toContain(`${file}:2`)
    expect(spawnSync('sh', ['-c', command], { timeout: 10_000 }).status).toBe(0)
    await record(store, target('node1', {}, 2222))
    expect(linesOf(file)).toEqual(['# a', knownHostsLine('node2', 22, other), knownHostsLine('node1', 2222, blob)])
  })

  test('of a changed key names the alias in the command', async () => {
    const { remedy } = await refusal(knownHostsLine('foo', 22, other), target('10.0.0.7', { alias: 'foo' }))
    expect(remedy).toContain('ssh-keygen -R foo -f FILE')
  })

  test('of a changed key sends a person to a line that is about other hosts too', async () => {
    const { remedy } = await refusal(`node*,db ${knownHostsLine('x', 22, other).slice(2)}`, target('node1'))
    expect(remedy).toContain('take node1 out of FILE:1 by hand')
    expect(remedy).not.toContain('ssh-keygen -R')
  })

  test('of an unknown key says under which name it was looked for', async () => {
    const store = createTrustStore({ files: [newFile('')], acceptNew: false })
    expect((await store.look(target('node1', {}, 2222))).refusal(blob)?.message).toContain('recorded as [node1]:2222;')
    expect((await store.look(target('node1', { alias: 'foo' }, 2222))).refusal(blob)?.message).toContain(
      'recorded as foo;',
    )
  })
})
