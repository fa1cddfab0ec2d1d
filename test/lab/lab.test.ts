// The lab itself: what every other test on real hosts relies on.
import { execFile, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { type Readable } from 'node:stream'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { describeOnLab } from './describe-on-lab.ts'
import { startLab, type Lab, type RunResult } from './lab.ts'
import { startNginx } from './nginx.ts'

describeOnLab('the lab', () => {
  let lab: Lab

  beforeAll(async () => {
    lab = await startLab({ nodes: 3 })
  })

  afterAll(async () => {
    await lab.dispose()
  })

  it.for(['root', 'deploy'] as const)(
    'lets %s in with the key, under the host key that known_hosts names',
    async (user) => {
      const answer = await ssh(lab, 1, user, 'id -un; hostname; echo $HOME')
      expect(answer).toMatchObject({
        exitCode: 0,
        stdout: `${user}\nnode01\n${user === 'root' ? '/root' : '/home/deploy'}\n`,
      })
    },
  )

  it('runs the crontab of root and of deploy, each minute', async () => {
    for (const user of ['root', 'deploy']) {
      const line = `* * * * * id -un > /srv/shared/cron-${user}.new && mv /srv/shared/cron-${user}.new /srv/shared/cron-${user}`
      expect(await ssh(lab, 3, user, `echo '${line}' | crontab -`)).toMatchObject({ exitCode: 0 })
    }
    for (const user of ['root', 'deploy']) {
      const mark = join(lab.shared.here, `cron-${user}`)
      await expect.poll(() => existsSync(mark), { timeout: 90_000, interval: 250 }).toBe(true)
      expect(readFileSync(mark, 'utf8')).toBe(`${user}\n`)
    }
  })

  it('keeps files over a reboot and brings sshd and cron back, as new processes', async () => {
    await lab.run(2, 'echo kept > /root/mark; sleep 1000 >/dev/null 2>&1 &')
    const before = lab.processes(2)
    await lab.reboot(2)
    const after = lab.processes(2)
    expect(after.map(({ pid }) => pid).filter((pid) => before.some((process) => process.pid === pid))).toEqual([])
    expect(after.map(({ command }) => command.split(' ')[0])).toEqual(['tini', 'sshd:', 'cron'])
    expect(after[0]?.pidInNode).toBe(1)
    expect(await ssh(lab, 2, 'root', 'cat /root/mark')).toMatchObject({ exitCode: 0, stdout: 'kept\n' })
  })

  it('hangs a paused node, which goes on where it was once it is resumed', async () => {
    await lab.pause(1)
    let answered = false
    const waiting = ssh(lab, 1, 'root', 'echo awake').finally(() => (answered = true))
    const second = await ssh(lab, 1, 'root', 'true', 'ConnectTimeout=1')
    expect(second.exitCode).toBe(255)
    expect(answered).toBe(false)
    await lab.resume(1)
    expect(await waiting).toMatchObject({ exitCode: 0, stdout: 'awake\n' })
  })

  it('makes a cut node unreachable, also over a reboot, until its link is restored', async () => {
    await lab.cut(1)
    await lab.reboot(1)
    expect(await ssh(lab, 1, 'root', 'true', 'ConnectTimeout=1')).toMatchObject({ exitCode: 255 })
    expect(await lab.run(1, 'echo still here')).toMatchObject({ exitCode: 0, stdout: 'still here\n' })
    await lab.restore(1)
    expect(await ssh(lab, 1, 'root', 'true', 'ConnectTimeout=30')).toMatchObject({ exitCode: 0 })
  })

  it('lets nodes reach this machine, where nginx lists folders as JSON, and each other by name', async () => {
    const root = mkdtempSync(join(tmpdir(), 'fleet-lab-test-'))
    writeFileSync(join(root, 'two words.txt'), 'content')
    try {
      await using nginx = await startNginx({ root, address: lab.controlAddress })
      const listing = await lab.run(1, `curl -fsS ${nginx.url}/`)
      expect(JSON.parse(listing.stdout)).toMatchObject([{ name: 'two words.txt', type: 'file', size: 7 }])
      expect(await lab.run(1, `curl -fsS ${nginx.url}/two%20words.txt`)).toMatchObject({ stdout: 'content' })
      expect(nginx.accessLog()).toContain('200 7 GET /two%20words.txt HTTP/1.1')
    } finally {
      rmSync(root, { recursive: true })
    }
    const banner = await lab.run(1, "bash -c 'read -r banner </dev/tcp/node02/22; echo $banner'")
    expect(banner.stdout).toMatch(/^SSH-2\.0-OpenSSH/)
  })

  it('gives all nodes and this machine one shared folder, and each node a home of its own', async () => {
    const take = 'set -C; : > /srv/shared/marker'
    const results = await Promise.all([1, 2, 3].map((node) => lab.run(node, take)))
    expect(results.filter(({ exitCode }) => exitCode === 0)).toHaveLength(1)
    expect(readdirSync(lab.shared.here)).toContain('marker')
    await lab.run(1, 'touch /root/mine /tmp/mine /var/mine /etc/mine')
    for (const place of ['/root', '/tmp', '/var', '/etc']) {
      expect((await lab.run(2, `ls ${place}/mine`)).exitCode).not.toBe(0)
      expect(existsSync(`${place}/mine`)).toBe(false)
    }
  })

  it('describes its nodes as an inventory', () => {
    expect(lab.inventoryYml('deploy')).toContain(`defaults: { user: deploy, port: 22, identity: ${lab.keyFile} }`)
    expect(lab.inventoryYml()).toContain(`  node03: { address: ${lab.nodes[2]?.address ?? ''} }`)
  })

  it('leaves nothing behind, also when it is disposed while a node is paused and another is off, and other labs alone', async () => {
    const other = await startLab({ nodes: 2, sshdOptions: ['MaxStartups 3:50:10'] })
    const state = join(other.shared.here, '..')
    const prefix = other.controlAddress.replace(/\d+$/, '')
    expect(other.controlAddress).not.toBe(lab.controlAddress)
    expect((await other.run(1, '/usr/sbin/sshd -T')).stdout).toContain('maxstartups 3:50:10')
    await other.pause(1)
    await other.kill(2)
    expect(other.processes(2)).toEqual([])
    const running = other.processes(1).map(({ pid }) => pid)
    expect(running).toHaveLength(3)

    await other.dispose()
    await other.dispose()
    expect(running.filter((pid) => existsSync(`/proc/${pid}`))).toEqual([])
    expect(existsSync(state)).toBe(false)
    expect(execFileSync('ip', ['-o', 'addr'], { encoding: 'utf8' })).not.toContain(` ${prefix}`)
    expect(execFileSync('ip', ['netns', 'list'], { encoding: 'utf8' })).not.toContain('fleetlab')
    expect(readFileSync('/proc/mounts', 'utf8')).not.toContain(state)
    expect(await ssh(lab, 3, 'root', 'true')).toMatchObject({ exitCode: 0 })
  })

  it('goes when the program that started it is killed', async () => {
    const program = `const { startLab } = await import(${JSON.stringify(join(import.meta.dirname, 'lab.ts'))})
      console.log((await startLab({ nodes: 1 })).shared.here)`
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const state = join(await firstLine(child.stdout), '..')
    expect(existsSync(state)).toBe(true)
    child.kill('SIGKILL')
    await expect.poll(() => existsSync(state), { timeout: 30_000 }).toBe(false)
  })

  it('is removed by the next lab when it was left behind', async () => {
    const attendant = spawn(join(import.meta.dirname, 'lab.sh'), ['attend', '1'], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    const number = (await firstLine(attendant.stdout)).replace('lab ', '')
    const state = join(lab.shared.here, '..', '..', number)
    attendant.kill('SIGKILL')
    await once(attendant, 'exit')
    const left = (await labSh(number, 'status')).split(' ')[2]?.replace('pid1=', '')
    expect(existsSync(`/proc/${left ?? ''}/ns`)).toBe(true)

    await using next = await startLab({ nodes: 1 })
    expect(existsSync(`/proc/${left ?? ''}/ns`)).toBe(false)
    expect(join(next.shared.here, '..')).toBe(state)
  })
})

async function firstLine(stream: Readable): Promise<string> {
  for await (const line of createInterface(stream)) return line
  throw new Error('expected a line, got none')
}

async function labSh(number: string, command: string): Promise<string> {
  return (await promisify(execFile)(join(import.meta.dirname, 'lab.sh'), ['-l', number, command])).stdout
}

/** The system's own client, with nothing of the user's configuration. */
function ssh(lab: Lab, node: number, user: string, command: string, option = 'ConnectTimeout=60'): Promise<RunResult> {
  const args = ['-F', 'none', '-o', 'BatchMode=yes', '-o', 'IdentitiesOnly=yes', '-o', 'StrictHostKeyChecking=yes']
  args.push('-o', `UserKnownHostsFile=${lab.knownHostsFile}`, '-o', 'GlobalKnownHostsFile=/dev/null', '-o', option)
  args.push('-i', lab.keyFile, `${user}@${lab.nodes[node - 1]?.address ?? ''}`, command)
  return new Promise((resolve) => {
    const child = execFile('ssh', args, (error, stdout, stderr) => {
      resolve({ exitCode: error === null ? 0 : Number(error.code), stdout, stderr })
    })
    child.stdin?.end()
  })
}
