import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createServer, type RequestListener } from 'node:http'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { loadConfig, loadInventory } from '../../src/config/index.ts'
import { isMissing } from '../support/requires-program.ts'
import { nginx, shellsHere, startPhotoSource, type PhotoSource } from './photo-source.ts'

const EXAMPLE = join(import.meta.dirname, '../../examples/photo-migration')
const BUSYBOX_TOOLS = ['awk', 'od', 'wc', 'head', 'cat', 'ln', 'mv', 'mkdir', 'rm', 'mktemp', 'sh']

const HOSTILE_NAMES = [
  'a b.jpg',
  ' lead',
  'trail ',
  "it's.jpg",
  'q"uote.jpg',
  'back\\slash',
  '\\u0041',
  '\\',
  '"',
  '%41.txt',
  '%2e%2e',
  '%',
  'q?x',
  'h#x',
  'a&b',
  'a+b',
  'a;b',
  '$x`y',
  '$(id)',
  '{x}',
  '[1-3]',
  '*',
  '-rf',
  '<x>',
  '", "type":"file',
  'ünï',
  '漢字',
  '😀.png',
  'e\u0301',
  'tab\tx',
  'line\nfeed',
  'feed\n',
  'cr\r',
  'esc\u001b[1m',
  'bell\u0007',
  'del\u007f',
  'x'.repeat(200),
  'u\u2028x',
  '~',
  'index.html',
  '=41',
]

interface Outcome {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

if (nginx === undefined)
  process.stderr.write(
    'SKIPPED the photo migration against nginx: nginx is not installed (apt-get install nginx-light)\n',
  )

let base: string
let target: string
beforeAll(() => {
  base = mkdtempSync(join(tmpdir(), 'fleet-photos-'))
  chmodSync(base, 0o755)
  const tools = join(base, 'busybox')
  mkdirSync(tools)
  for (const tool of BUSYBOX_TOOLS) symlinkSync('/bin/busybox', join(tools, tool))
  const curl = ['/usr/bin/curl', '/bin/curl'].find((path) => existsSync(path))
  if (curl !== undefined) symlinkSync(curl, join(tools, 'curl'))
})
afterAll(() => {
  rmSync(base, { recursive: true, force: true })
})
beforeEach(() => {
  target = mkdtempSync(join(base, 'target-'))
})

const put = (file: string, content: string | Uint8Array): void => {
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, content)
}

/** Every regular file below `folder` but the marker, path -> content; both as latin1, because names need not be UTF-8. */
function filesIn(folder: string, below = ''): Readonly<Record<string, string>> {
  const path = Buffer.concat([Buffer.from(folder), Buffer.from(below, 'latin1')])
  const stats = lstatSync(path)
  if (stats.isFile()) return { [below]: readFileSync(path, 'latin1') }
  if (!stats.isDirectory()) return {}
  const names = readdirSync(path, 'latin1').filter((name) => name !== '.fleet-user')
  return Object.fromEntries(names.flatMap((name) => Object.entries(filesIn(folder, `${below}/${name}`))))
}

async function serve(answer: RequestListener): Promise<string> {
  const server = createServer(answer).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(async () => {
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return `http://127.0.0.1:${address.port}`
}

const listing =
  (json: string): RequestListener =>
  (_, response) =>
    response.setHeader('content-type', 'application/json').end(json)

it('has a fleet.yml and an inventory that load', () => {
  const config = loadConfig(join(EXAMPLE, 'fleet.yml'))
  expect(config.worker.command).toEqual(['./migrate-user.sh', '{id}'])
  expect(loadInventory({ file: config.hosts }).nodes).toHaveLength(50)
})

const lacksCurl = isMissing('curl', 'the photo migration')
describe.skipIf(lacksCurl).each(shellsHere())('migrate-user.sh under $name', ({ argv, isBusybox }) => {
  async function migrate(id: string, environment: Readonly<Record<string, string>>): Promise<Outcome> {
    const [shell = 'sh', ...first] = argv
    const scratch = mkdtempSync(join(base, 'scratch-'))
    const PATH = isBusybox ? join(base, 'busybox') : (process.env['PATH'] ?? '')
    const command = isBusybox ? '/bin/busybox' : shell
    const env = { PATH, TARGET: target, FLEET_FENCE: '7', SCRATCH: scratch, ...environment }
    const child = spawn(command, [...first, join(EXAMPLE, 'migrate-user.sh'), id], {
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
    return { code: child.exitCode, stdout, stderr }
  }

  describe.skipIf(nginx === undefined)('with nginx as the source', () => {
    let source: PhotoSource
    beforeAll(async () => {
      const folder = mkdtempSync(join(base, 'nginx-'))
      source = await startPhotoSource(
        folder,
        'location /busy/ { return 503; } location /slow/ { return 429; } location /broken/ { return 500; } location /indexed/ { index index.html; }',
      )
    })
    afterAll(async () => {
      await source.close()
    })
    const run = (id: string, environment: Readonly<Record<string, string>> = {}): Promise<Outcome> =>
      migrate(id, { SOURCE_URL: source.url, ...environment })
    const user = (id: string): string => join(source.root, id)

    it('copies hostile names, nested folders, empty and large files byte for byte, and a second run fetches nothing', async () => {
      for (const name of HOSTILE_NAMES) put(join(user('alice'), name), `content of ${name}`)
      for (const name of ['folder a', 'q"\\%?#', '漢字 folder'])
        put(join(user('alice'), name, 'deep', `${name}.txt`), name)
      writeFileSync(Buffer.concat([Buffer.from(`${user('alice')}/bytes-`), Buffer.of(0xff, 0xfe, 0xc3)]), 'no UTF-8')
      put(join(user('alice'), 'empty'), '')
      mkdirSync(join(user('alice'), 'empty folder'))
      put(join(user('alice'), 'large.bin'), Buffer.alloc(5_000_000, 'photo'))
      const first = await run('alice')
      expect(first).toMatchObject({ code: 0, stderr: '' })
      expect(filesIn(join(target, 'alice'))).toEqual(filesIn(user('alice')))
      expect(existsSync(join(target, 'alice/empty folder'))).toBe(true)
      expect(readFileSync(join(target, 'alice/.fleet-user'), 'utf8')).toBe('alice')
      source.takeRequests()

      const second = await run('alice')
      expect(second.code).toBe(0)
      expect(second.stdout).toMatch(/^0 files copied, /)
      expect(source.takeRequests().filter((path) => !path.endsWith('/'))).toEqual([])
    })

    it('fetches only what is missing or has another length', async () => {
      for (const name of ['kept', 'short', 'gone']) put(join(user('bob'), name), `the bytes of ${name}`)
      await run('bob')
      writeFileSync(join(target, 'bob/short'), 'the')
      rmSync(join(target, 'bob/gone'))
      source.takeRequests()
      expect((await run('bob')).stdout).toBe('2 files copied, 1 were there already\n')
      expect(source.takeRequests()).toEqual(['/bob/', '/bob/gone', '/bob/short'])
      expect(filesIn(join(target, 'bob'))).toEqual(filesIn(user('bob')))
    })

    it('is not hurt by what a killed worker left: its own fence is written over, an older one removed, a newer one left alone', async () => {
      put(join(user('carol'), 'photo'), 'the whole photo')
      mkdirSync(join(target, 'carol'))
      for (const fence of ['3', '7', '12']) writeFileSync(join(target, `carol/.fleet-part.${fence}`), 'the wh')
      expect((await run('carol')).code).toBe(0)
      expect(filesIn(join(target, 'carol'))).toEqual({ '/.fleet-part.12': 'the wh', '/photo': 'the whole photo' })
    })

    it('copies many files', { timeout: 120_000 }, async () => {
      const count = isBusybox ? 30 : 100
      for (let number = 0; number < count; number += 1)
        put(join(user('many'), `photo ${number}.jpg`), `photo ${number}`)
      expect((await run('many')).stdout).toBe(`${count} files copied, 0 were there already\n`)
      expect(filesIn(join(target, 'many'))).toEqual(filesIn(user('many')))
    })

    it.each([
      ['dave@example.net', 'dave=40example.net'],
      ['.hidden', '=2Ehidden'],
      ['a=b %41?#&"\'\\', 'a=3Db=20=2541=3F=23=26=22=27=5C'],
      ['ünï', '=C3=BCn=C3=AF'],
      ['-rf', '-rf'],
    ])('puts %s into its own segment %s', async (id, segment) => {
      put(join(user(id), 'f'), id)
      expect((await run(id)).code).toBe(0)
      expect(filesIn(target)).toEqual({ [`/${segment}/f`]: Buffer.from(id).toString('latin1') })
      expect(readFileSync(join(target, segment, '.fleet-user'), 'utf8')).toBe(id)
    })

    it('is done at once with a user who has nothing', async () => {
      mkdirSync(user('nobody'), { recursive: true })
      expect(await run('nobody')).toEqual({ code: 0, stdout: '0 files copied, 0 were there already\n', stderr: '' })
    })

    it.each([
      ['unknown', 100, 'the source has no folder for this ID: GET URL/unknown/: status 404'],
      ['busy', 75, 'GET URL/busy/: status 503, the source is busy'],
      ['slow', 75, 'GET URL/slow/: status 429, the source is busy'],
      ['broken', 1, 'GET URL/broken/: expected status 200, got 500'],
      ['../alice', 100, 'the ID ../alice cannot be the name of a folder'],
      ['..', 100, 'the ID .. cannot be the name of a folder'],
      ['', 100, 'expected an ID as the argument'],
      ['@'.repeat(100), 100, 'the ID is too long for a folder name: 300 bytes when encoded'],
    ])('ends %j with exit %i and one line of reason', async (id, code, reason) => {
      const outcome = await run(id)
      expect(outcome).toEqual({ code, stdout: '', stderr: `migrate-user: ${reason.replace('URL', source.url)}\n` })
      expect(readdirSync(target)).toEqual([])
    })

    it("refuses an index.html that is served in a listing's place", async () => {
      put(join(user('indexed'), 'index.html'), '[]')
      const { code, stderr } = await run('indexed')
      expect([code, stderr]).toEqual([1, expect.stringContaining('expected a JSON listing, got text/html')])
    })

    it('refuses a folder of another ID, files without an owner, and links in the way', async () => {
      put(join(user('erin'), 'sub/photo'), 'p')
      put(join(target, 'erin/.fleet-user'), 'someone else')
      expect(await run('erin')).toMatchObject({
        code: 100,
        stderr: expect.stringContaining('belongs to another ID') as unknown,
      })
      rmSync(join(target, 'erin/.fleet-user'))
      put(join(target, 'erin/.profile'), 'whose?')
      expect(await run('erin')).toMatchObject({
        code: 100,
        stderr: expect.stringContaining('no .fleet-user marker') as unknown,
      })
      rmSync(join(target, 'erin'), { recursive: true })
      mkdirSync(join(target, 'other/sub'), { recursive: true })
      symlinkSync('other', join(target, 'erin'))
      expect(await run('erin')).toMatchObject({
        code: 100,
        stderr: expect.stringContaining('is a symbolic link') as unknown,
      })
      rmSync(join(target, 'erin'))
      put(join(target, 'erin/.fleet-user'), 'erin')
      symlinkSync('../other/sub', join(target, 'erin/sub'))
      expect(await run('erin')).toMatchObject({
        code: 100,
        stderr: expect.stringContaining('is a symbolic link') as unknown,
      })
      rmSync(join(target, 'erin/sub'))
      mkdirSync(join(target, 'erin/sub/photo'), { recursive: true })
      expect(await run('erin')).toMatchObject({
        code: 100,
        stderr: expect.stringContaining('is in the way') as unknown,
      })
      expect(filesIn(join(target, 'other'))).toEqual({})
    })

    it('refuses a source that links to itself without end', async () => {
      mkdirSync(user('loop'), { recursive: true })
      symlinkSync('.', join(user('loop'), 'again'))
      expect(await run('loop')).toMatchObject({
        code: 100,
        stderr: expect.stringContaining('more than 32 deep') as unknown,
      })
    })

    it('works without a scratch folder of its own and leaves none behind', async () => {
      put(join(user('frank'), 'f'), 'f')
      const temporary = mkdtempSync(join(base, 'tmp-'))
      expect((await run('frank', { SCRATCH: '', TMPDIR: temporary })).code).toBe(0)
      expect(readdirSync(temporary)).toEqual([])
      renameSync(temporary, `${temporary}-checked`)
    })
  })

  it('finds a file shorter than listed and keeps it out of its place', async () => {
    const SOURCE_URL = await serve((request, response) => {
      const isFile = request.url === '/u/f'
      response
        .setHeader('content-type', 'application/json')
        .end(isFile ? 'short' : '[{"name":"f","type":"file","size":9}]')
    })
    const outcome = await migrate('u', { SOURCE_URL })
    expect(outcome).toMatchObject({
      code: 1,
      stderr: `migrate-user: GET ${SOURCE_URL}/u/f: expected 9 bytes as listed, got 5\n`,
    })
    expect(existsSync(join(target, 'u/f'))).toBe(false)
  })

  it('says in one line that the source cannot be reached', async () => {
    const { code, stderr } = await migrate('u', { SOURCE_URL: 'http://127.0.0.1:1' })
    expect([code, stderr]).toEqual([
      1,
      expect.stringMatching(/^migrate-user: GET http:\/\/127\.0\.0\.1:1\/u\/: curl: \(7\) .*\n$/),
    ])
  })

  it('reads JSON that nginx would not write: escaped slashes, surrogate pairs, other orders and spaces', async () => {
    const asked: string[] = []
    const SOURCE_URL = await serve((request, response) => {
      asked.push(request.url ?? '')
      const json =
        '[{"size" : 1,"type":"\\u0066ile", "extra":null,"name":"\\uD83D\\ude00\\u00e9\\u20AC\\"\\\\\\t"}\n,{"type":"file","name":"b","size":1}] '
      response.setHeader('content-type', 'application/json').end(request.url === '/u/' ? json : '1')
    })
    expect(await migrate('u', { SOURCE_URL })).toMatchObject({ code: 0, stderr: '' })
    expect(asked).toEqual(['/u/', '/u/%F0%9F%98%80%C3%A9%E2%82%AC%22%5C%09', '/u/b'])
    expect(
      readdirSync(join(target, 'u'))
        .filter((name) => name !== '.fleet-user')
        .sort(),
    ).toEqual(['b', '😀é€"\\\t'])
  })

  it.each([
    ['..', 100],
    ['.', 100],
    ['a/b', 100],
    ['a\\/b', 100],
    ['\\u002e\\u002e', 100],
    ['\\u002f', 100],
    ['a\\u0000', 100],
    ['', 100],
    ['.fleet-user', 100],
    ['.fleet-part.9', 100],
    ['\\ud800', 1],
    ['\\udc00', 1],
    ['\\ud800\\u0041', 1],
    ['\\x41', 1],
    ['\\u00g0', 1],
  ])('refuses the listed name "%s" with exit %i', async (name, code) => {
    const SOURCE_URL = await serve(listing(`[{"name":"${name}","type":"file","size":1}]`))
    expect((await migrate('u', { SOURCE_URL })).code).toBe(code)
    expect(readdirSync(target)).toEqual([])
  })

  it.each([
    '',
    '[',
    '[{"name":"a","type":"file","size":1}',
    '[{"name":"a","type":"file","size":1},',
    '[{"name":"a","type":"file","size":1},]',
    '[{"name":"a',
    '{}',
    '[[]]',
    '[]x',
    '[{"name":"a","type":"file"}]',
    '[{"name":"a","type":"file","size":"1"}]',
    '[{"name":"a","type":"file","size":-1}]',
    '[{"name":"a","name":"b","type":"file","size":1}]',
    '[{"name":1,"type":"file","size":1}]',
    '[{}]',
    '[{"name":"a","type":"file","size":1}{}]',
    '[{"name":"a\nb","type":"file","size":1}]',
  ])('does not believe the broken listing %j', async (json) => {
    const SOURCE_URL = await serve(listing(json))
    const { code, stderr } = await migrate('u', { SOURCE_URL })
    expect([code, stderr.split('\n').length]).toEqual([1, 2])
    expect(readdirSync(target)).toEqual([])
  })

  it('parks what is neither file nor folder', async () => {
    const SOURCE_URL = await serve(listing('[{"name":"pipe","type":"other"}]'))
    expect(await migrate('u', { SOURCE_URL })).toMatchObject({
      code: 100,
      stderr: expect.stringContaining("it is 'other'") as unknown,
    })
  })
})
