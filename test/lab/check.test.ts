// fleet check on hosts that are each ill in several ways: every illness is named, and no node keeps another from its answer.
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { freePort } from '../support/free-port.ts'
import { describeOnLab } from './describe-on-lab.ts'
import { startLab, type Lab } from './lab.ts'

const FLEET = join(import.meta.dirname, '../../bin/fleet')
const LOGIN = 's#^\\(deploy:.*\\):/bin/sh$#\\1:'

interface Ran {
  readonly exitCode: number
  readonly stdout: string
}

interface Document {
  readonly schema: string
  readonly nodes: readonly {
    readonly node: string
    readonly ok: boolean
    readonly facts?: Readonly<Record<string, unknown>>
    readonly findings?: readonly { readonly severity: string; readonly subject: string; readonly message: string }[]
    readonly error?: { readonly code: string }
  }[]
}

describeOnLab('fleet check', () => {
  let lab: Lab
  let folder: string

  const check = (...args: string[]): Promise<Ran> =>
    new Promise((resolve) => {
      const argv = ['check', '-F', 'none', '--known-hosts', lab.knownHostsFile, ...args]
      execFile(FLEET, argv, { cwd: folder }, (error, stdout) => {
        resolve({ exitCode: typeof error?.code === 'number' ? error.code : 0, stdout })
      })
    })
  const asJson = async (...args: string[]): Promise<Document> =>
    JSON.parse((await check('--json', ...args)).stdout) as Document
  const subjectsOf = (document: Document, index: number): string[] =>
    (document.nodes[index]?.findings ?? []).map(({ severity, subject }) => `${severity} ${subject}`)
  const onNode = async (node: number, commandLine: string): Promise<void> => {
    expect(await lab.run(node, commandLine)).toMatchObject({ exitCode: 0 })
  }

  beforeAll(async () => {
    lab = await startLab({ nodes: 4 })
    folder = await mkdtemp(join(tmpdir(), 'fleet-check-'))
    await writeFile(join(folder, 'inventory.yml'), lab.inventoryYml('deploy'))
    await writeFile(join(folder, 'as-root.yml'), lab.inventoryYml('root'))
  })

  afterAll(async () => {
    await lab.dispose()
    await rm(folder, { recursive: true, force: true })
  })

  it('finds healthy hosts well, without a fleet.yml, as an ordinary user and as root, and leaves nothing there', async () => {
    for (const inventory of ['inventory.yml', 'as-root.yml']) {
      const { exitCode, stdout } = await check('--hosts', inventory)
      expect(stdout).toContain('4 nodes: 4 well')
      expect(exitCode).toBe(0)
    }
    const document = await asJson('--hosts', 'as-root.yml')
    expect(document.nodes[0]?.facts).toMatchObject({ user: 'root', sshd_source: 'sshd', sshd: { maxsessions: '10' } })
    expect(await lab.run(1, 'ls -A /home/deploy /root')).toMatchObject({
      stdout: '/home/deploy:\n.ssh\n\n/root:\n.ssh\n',
    })
  })

  it('names every illness once, with its nodes, and ends with 3', async () => {
    await writeFile(
      join(folder, 'fleet.yml'),
      `job: photos\nrelease: { files: [x] }\nworker: { command: [./x], slots: 7 }\ndispatcher: { listen: "0.0.0.0:${await freePort(lab.controlAddress)}" }\n`,
    )
    const mount = (options: string): string =>
      `mkdir -p /home/deploy/.fleet && mount -t tmpfs -o ${options} tmpfs /home/deploy/.fleet`
    await onNode(1, mount('noexec,mode=777,size=200m'))
    await onNode(1, `sed -i '${LOGIN}/bin/bash#' /etc/passwd && echo 'echo hello' >/home/deploy/.bashrc`)
    await onNode(2, `echo root >/etc/cron.allow && install -d -o root -m 755 /home/deploy/.fleet`)
    await onNode(3, `${mount('mode=777,size=1m')}; head -c 2m /dev/zero >/home/deploy/.fleet/fill 2>/dev/null; true`)
    await onNode(3, 'kill "$(cat /run/crond.pid)"')

    const { exitCode, stdout } = await check()
    expect(exitCode).toBe(3)
    expect(stdout).toContain(
      'root: programs in /home/deploy/.fleet cannot be run: it is mounted noexec\non       node01',
    )
    expect(stdout).toContain('root: deploy cannot write to /home/deploy/.fleet: Permission denied\non       node02')
    expect(stdout).toContain('disk: there is no space left in /home/deploy/.fleet\non       node03')
    expect(stdout).toMatch(/filesystem: \/home\/deploy\/\.fleet is on tmpfs.*\non {7}node\[01,03\]/)
    expect(stdout).toContain('4 nodes: 3 with errors, 1 well')
    for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(100)

    const document = await asJson()
    expect(subjectsOf(document, 0)).toEqual(expect.arrayContaining(['error root', 'warning login shell']))
    expect(subjectsOf(document, 1)).toEqual(expect.arrayContaining(['error root', 'warning cron']))
    expect(subjectsOf(document, 2)).toEqual(expect.arrayContaining(['error disk', 'warning cron']))
    expect(subjectsOf(document, 3)).toEqual(['note dispatcher'])
  })

  it('asks a node that is somebody’s fish or tcsh, where those are installed', async () => {
    for (const shell of ['/usr/bin/fish', '/usr/bin/tcsh']) {
      if ((await lab.run(4, `test -x ${shell}`)).exitCode !== 0) continue
      await onNode(4, `sed -i 's#^\\(deploy:.*\\):[^:]*$#\\1:${shell}#' /etc/passwd`)
      const document = await asJson('--limit', 'node04')
      expect(document.nodes).toMatchObject([{ ok: true, facts: { shell, login_noise: '' } }])
    }
  })

  it('is not held up by a node that hangs or is off, and says which', async () => {
    await lab.pause(1)
    await lab.cut(2)
    const document = await asJson()
    await lab.resume(1)
    await lab.restore(2)
    expect(document.nodes.map(({ error }) => error?.code.slice(0, 10))).toEqual([
      'FLEET_SSH_',
      'FLEET_SSH_',
      undefined,
      undefined,
    ])
    expect(document.nodes[3]).toMatchObject({ ok: true })
  })
})
