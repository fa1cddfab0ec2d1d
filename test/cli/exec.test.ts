// fleet exec through bin/fleet, on nodes inside this process. No root, no sshd.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startDemoNodes, type DemoNodes } from '../../src/demo/index.ts'
import { freePort } from '../support/free-port.ts'
import { createJobFolder, ended, type Ended, type JobFolder } from './job-folder.ts'

describe('fleet exec', { timeout: 60_000 }, () => {
  let job: JobFolder
  let nodes: DemoNodes
  let inventory: string
  const flags = () => ['--hosts', inventory, '--known-hosts', nodes.knownHostsFile]
  const exec = (...args: readonly string[]): Promise<Ended> => job.fleet(['exec', ...flags(), ...args])
  const retryFile = () => join(job.folder, '.fleet/retry/exec.nodes')

  beforeAll(async () => {
    job = createJobFolder()
    nodes = await startDemoNodes(job.folder, 3)
    inventory = nodes.inventoryFile
  })
  afterAll(async () => {
    await nodes.close()
    job.remove()
  })

  it('shows equal outputs once, without a fleet.yml', async () => {
    expect(await exec('--', 'echo', 'a  b')).toEqual({ code: 0, stdout: '--- node[01-03] (3)\na  b\n', stderr: '' })
    expect(await exec('--', 'true')).toMatchObject({ code: 0, stdout: '--- node[01-03] (3) · no output\n' })
  })

  it('shows what differs apart, failures last, and says how to retry those; a retry that is well ends that', async () => {
    const port = await freePort()
    const known = readFileSync(inventory, 'utf8')
    const more = job.write('more.yml', `${known}  lost: { address: 127.0.0.1, port: ${port} }\n`)
    job.write('fleet.yml', 'job: trial\nworker: { command: ["true"] }\nssh: { retries: 0 }\n')
    const mixed = await job.fleet(['exec', '--hosts', more, '--known-hosts', nodes.knownHostsFile, '--', 'exit 7'])
    expect(mixed).toMatchObject({ code: 4, stdout: '--- node[01-03] (3) · exit 7 · no output\n' })
    expect(mixed.stderr).toMatch(/failed lost: .*FLEET_SSH_REFUSED.*retry just these 4: fleet exec .*--limit @/s)
    expect(readFileSync(retryFile(), 'utf8')).toBe('node01\nnode02\nnode03\nlost\n')
    expect(await exec('--', 'exit 7')).toMatchObject({ code: 4 })
    expect(await exec('--limit', `@${retryFile()}`, '--', 'true')).toMatchObject({ code: 0 })
    expect(existsSync(retryFile())).toBe(false)
  })

  it('gives every stream, outcome and byte with --json', async () => {
    const { code, stdout } = await exec(
      '--json',
      '--limit',
      'node01',
      '--',
      "printf 'a\\377'; echo b >&2; kill -KILL $$",
    )
    expect(code).toBe(4)
    expect(JSON.parse(stdout)).toEqual({
      schema: 'fleet.exec/1',
      nodes: [
        {
          node: 'node01',
          ok: false,
          outcome: 'killed',
          signal: 'KILL',
          stdout: 'a\uFFFD',
          stdout_base64: 'Yf8=',
          stderr: 'b\n',
        },
      ],
    })
  })

  it('streams whole lines, each with its node', async () => {
    const { code, stdout, stderr } = await exec(
      '--stream',
      '--',
      'for i in 1 2 3; do printf "a$i"; sleep 0.05; echo "b$i"; done; printf tail; echo bad >&2; exit 3',
    )
    expect(code).toBe(4)
    expect(stdout.split('\n').filter((line) => line !== '')).toHaveLength(12)
    for (const line of stdout.trimEnd().split('\n')) expect(line).toMatch(/^node0[1-3]: (?:a[1-3]b[1-3]|tail)$/)
    expect(stderr).toContain('node02: bad\n')
    expect(stderr).toContain('node02: exit 3\n')
  })

  it('gives all nodes the same input, from a file and from its own', async () => {
    const text = 'line of input\n'.repeat(100_000)
    const file = job.write('input.txt', text)
    const counted = `--- node[01-03] (3)\n${text.length}\n`
    const count = 'wc -c | tr -d " "'
    expect(await exec('--stdin', file, '--', count)).toMatchObject({ code: 0, stdout: counted, stderr: '' })
    const own = await job.fleet(['exec', ...flags(), '--stdin', '-', '--', count], { input: text })
    expect(own).toMatchObject({ code: 0, stdout: counted })
    const unread = await exec('--stdin', file, '--', 'exit 3')
    expect(unread).toMatchObject({ code: 4, stdout: '--- node[01-03] (3) · exit 3 · no output\n' })
    expect(unread.stderr).not.toContain('EBADF')
    expect(await exec('--stdin', job.folder, '--', 'cat')).toMatchObject({ code: 2 })
  })

  it('writes a file for each stream of each node with --out', async () => {
    const out = join(job.folder, 'out')
    expect(await exec('--out', out, '--', 'echo a; echo b >&2')).toMatchObject({ code: 0 })
    expect(readFileSync(join(out, 'node02.out'), 'utf8')).toBe('a\n')
    expect(readFileSync(join(out, 'node02.err'), 'utf8')).toBe('b\n')
    expect(await exec('--out', inventory, '--', 'true')).toMatchObject({ code: 2 })
    expect(await exec('--out', out, '--stream', '--', 'true')).toMatchObject({ code: 2 })
  })

  it('gives up after --timeout, and names nodes with the same error together', async () => {
    const { code, stdout, stderr } = await exec('--timeout', '1s', '--', 'echo begun; exec sleep 30')
    expect(code).toBe(4)
    expect(stdout).toBe('--- node[01-03] (3) · unknown\nbegun\n')
    expect(stderr).toMatch(/failed node\[01-03\]: expected the command on the node to end .*FLEET_SSH_TIMEOUT/s)
  })

  it('stops waiting at Ctrl-C, and says where the command may go on', async () => {
    const { code, stderr } = await interrupted('SIGINT')
    expect(code).toBe(130)
    expect(stderr).toContain('still running on node[01-03]')
  })

  it('does the same at TERM', async () => {
    expect(await interrupted('SIGTERM')).toMatchObject({ code: 130 })
  })

  async function interrupted(signal: NodeJS.Signals): Promise<Ended> {
    const child = job.start(['exec', ...flags(), '--stream', '--', 'echo begun; exec sleep 30'])
    const end = ended(child)
    let begun = 0
    child.stdout.on('data', (text: string) => {
      begun += text.split('begun').length - 1
      if (begun === 3) child.kill(signal)
    })
    await once(child, 'close')
    return end
  }

  it('refuses what it cannot mean, with exit code 2 and a way on', async () => {
    expect(await exec('--', '')).toMatchObject({ code: 2 })
    expect(await exec('--', 'echo', 'x'.repeat(131_050))).toMatchObject({ code: 2 })
    expect(await exec('--timeout', 'soon', '--', 'true')).toMatchObject({ code: 2 })
    expect(await exec('ls', '-l')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('then -- and the command') as string,
    })
  })

  it('says what it would do with --dry-run', async () => {
    const { code, stdout } = await exec('--dry-run', '--', 'rm', '-r', 'all of it')
    expect(code).toBe(0)
    expect(stdout).toMatch(/^would run without a shell: "rm" "-r" "all of it"\non node01 /)
  })
})
