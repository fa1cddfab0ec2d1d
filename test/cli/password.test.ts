// Passwords and passphrases as an operator gives them: typed on a real terminal, from the environment, from a descriptor.
import { execFileSync } from 'node:child_process'
import { readFileSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { eventually } from '../ssh/workbench.ts'
import { isMissing } from '../support/requires-program.ts'
import { createJobFolder, FLEET, type JobFolder } from './job-folder.ts'
import { servePassword, type PasswordServer } from './password-server.ts'
import { onTerminal, whyNoTerminal, type PseudoTerminal } from './pseudo-terminal.ts'

const PASSWORD = 'corr€ct "horse" $1'

let job: JobFolder
let server: PasswordServer

/** All nodes are that server, each with a user of its own, as every node must be a place of its own. */
const inventoryOf = (nodes: Readonly<Record<string, { readonly identity?: string }>>): string =>
  JSON.stringify({
    hosts: Object.fromEntries(
      Object.entries(nodes).map(([name, node]) => [
        name,
        { address: '127.0.0.1', port: server.port, user: `user-${name}`, ...node },
      ]),
    ),
  })

const serve = async (wanted: Parameters<typeof servePassword>[0]): Promise<void> => {
  server = await servePassword(wanted)
  job.write('inventory.yml', inventoryOf({ n1: {}, n2: {} }))
}

beforeEach(() => {
  job = createJobFolder()
})
afterEach(async () => {
  await server[Symbol.asyncDispose]()
  job.remove()
})

const EXEC = ['exec', '--accept-new', '--known-hosts', 'known_hosts']

describe('a password that is not typed', () => {
  const env = { SSH_AUTH_SOCK: '' }
  beforeEach(() => serve({ password: PASSWORD }))

  it('comes from the environment, for every node', async () => {
    const ran = await job.fleet([...EXEC, '--password-env', 'PW', '--', 'echo', 'logged in'], {
      env: { ...env, PW: PASSWORD },
    })
    expect(ran).toMatchObject({ code: 0, stdout: expect.stringContaining('logged in') as string })
    expect(server.passwords).toEqual([PASSWORD, PASSWORD])
  })

  it('comes from a descriptor', async () => {
    const input = `${PASSWORD}\n`
    const ran = await job.fleet([...EXEC, '--password-fd', '0', '--', 'true'], { env, input })
    expect(ran).toMatchObject({ code: 0 })
    expect(server.passwords).toEqual([PASSWORD, PASSWORD])
  })

  it('that is wrong is sent once to each node, and printed nowhere', async () => {
    for (const more of [[], ['-v'], ['--json']]) {
      const before = server.connections()
      const ran = await job.fleet([...EXEC, ...more, '--password-env', 'PW', '--', 'true'], {
        env: { ...env, PW: 'hunter2!' },
      })
      expect(ran.code).toBe(4)
      expect(ran.stdout + ran.stderr).toContain('FLEET_SSH_AUTH')
      expect(ran.stdout + ran.stderr).not.toContain('hunter2!')
      expect(server.connections() - before).toBe(2)
    }
    expect(server.passwords).toHaveLength(6)
  })

  it('that is not there ends the command before anything is dialled', async () => {
    const ran = await job.fleet([...EXEC, '--password-env', 'UNSET_PW', '--', 'true'], { env })
    expect(ran).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('NO_PASSWORD') as string })
    expect(server.connections()).toBe(0)
  })

  it('is asked for by nobody in a dry run, nor where nothing is dialled', async () => {
    for (const command of [['hosts'], ['exec', '--dry-run']]) {
      const words = command[0] === 'exec' ? ['--', 'true'] : []
      const ran = await job.fleet([...command, '--ask-password', '--json', ...words], { env })
      expect(ran).toMatchObject({ code: 0 })
    }
  })

  it('cannot be asked for without a terminal', () => {
    const ran = onShell(`exec setsid -w ${FLEET} ${EXEC.join(' ')} --ask-password -- true`)
    expect(ran).toMatchObject({ code: 2, stderr: expect.stringContaining('FLEET_CLI_NO_TERMINAL') as string })
    expect(server.connections()).toBe(0)
  })

  const onShell = (commandLine: string): { code: number; stderr: string } => {
    try {
      execFileSync('sh', ['-c', commandLine], {
        cwd: job.folder,
        env: { ...process.env, HOME: job.folder, ...env },
        stdio: ['ignore', 'pipe', 'pipe'],
        timeout: 20_000,
      })
      return { code: 0, stderr: '' }
    } catch (error) {
      const { status, stderr } = error as { status: number; stderr: Buffer }
      return { code: status, stderr: stderr.toString() }
    }
  }
})

const noTerminal = whyNoTerminal()
if (noTerminal !== undefined) process.stderr.write(`SKIPPED questions on a terminal: ${noTerminal}\n`)

describe.skipIf(noTerminal !== undefined)('on a terminal', () => {
  const run = (args: string, around = (command: string): string => command): PseudoTerminal =>
    onTerminal(`${around(`${FLEET} ${EXEC.join(' ')} ${args} -- true`)}; echo "ended with $?"; stty -a`, {
      folder: job.folder,
      env: { HOME: job.folder, SSH_AUTH_SOCK: undefined, CI: undefined },
    })
  const QUESTION = 'Password for all nodes: '
  const expectTerminalAsBefore = (screen: string): void => {
    const after = screen.slice(screen.indexOf('ended with'))
    expect(after).toMatch(/[ ;\r\n]icanon\b/)
    expect(after).toMatch(/[ ;\r\n]echo\b/)
    expect(after).toMatch(/[ ;\r\n]isig\b/)
  }

  describe('a password', () => {
    beforeEach(() => serve({ password: PASSWORD }))

    it('is asked for once for all nodes, and never shown', async () => {
      const terminal = run('--ask-password')
      await terminal.until(QUESTION)
      terminal.type(`${PASSWORD}\r`)
      await terminal.ended()
      expect(terminal.screen()).toContain('ended with 0')
      expect(terminal.screen().split(QUESTION)).toHaveLength(2)
      expect(terminal.screen()).not.toContain('horse')
      expect(server.passwords).toEqual([PASSWORD, PASSWORD])
      expectTerminalAsBefore(terminal.screen())
    })

    it('is not asked for in the background, where the kernel would only stop the command', async () => {
      const terminal = run('--ask-password', (command) => `set -m; ${command} & wait $!; (exit $?)`)
      await terminal.ended()
      expect(terminal.screen()).toContain('FLEET_CLI_NO_TERMINAL')
      expect(terminal.screen()).toContain('runs in the background')
      expect(server.connections()).toBe(0)
    })

    it('is not shown when the command is stopped and goes on', async () => {
      const terminal = run('--ask-password', (command) => `sh -c 'echo $$ >pid; exec "$@"' sh ${command}`)
      await terminal.until(QUESTION)
      const pid = Number(readFileSync(join(job.folder, 'pid'), 'utf8'))
      const device = readlinkSync(`/proc/${pid}/fd/0`)
      process.kill(pid, 'SIGSTOP')
      // What a shell does that gets the terminal back.
      execFileSync('stty', ['-F', device, 'sane'])
      process.kill(pid, 'SIGCONT')
      const isHidden = (): boolean =>
        execFileSync('stty', ['-F', device, '-a'], { encoding: 'utf8' }).includes(' -echo ')
      await eventually(isHidden, 'the terminal shows nothing')
      terminal.type(`${PASSWORD}\r`)
      await terminal.ended()
      expect(terminal.screen()).toContain('ended with 0')
      expect(terminal.screen()).not.toContain('horse')
      expectTerminalAsBefore(terminal.screen())
    })

    it('is asked for on the terminal when stdin, stdout and stderr are none', async () => {
      const terminal = run('--ask-password', (command) => `echo data | ${command} >out 2>&1`)
      await terminal.until(QUESTION)
      terminal.type(`wr\u007f\u007f${PASSWORD}ü\u007f\r`)
      await terminal.ended()
      expect(terminal.screen()).toContain('ended with 0')
      expect(server.passwords).toEqual([PASSWORD, PASSWORD])
    })

    it('that is pasted with more lines is its first line, and the rest runs nowhere', async () => {
      const terminal = run('--ask-password', (command) => `${command}; timeout --foreground 1 cat >rest`)
      await terminal.until(QUESTION)
      terminal.type(`${PASSWORD}\n${'touch hacked\n'.repeat(200)}`)
      await terminal.ended()
      expect(server.passwords).toEqual([PASSWORD, PASSWORD])
      expect(readFileSync(join(job.folder, 'rest'), 'utf8') + terminal.screen()).not.toContain('hacked')
    })

    it.each([
      ['Ctrl-C', '\u0003', 'ended with 130', ''],
      ['Ctrl-D', 'abc\u0004', 'ended with 2', 'FLEET_CLI_NO_ANSWER'],
      ['an empty line', '\r', 'ended with 2', 'FLEET_CLI_NO_PASSWORD'],
      ['bytes that are not UTF-8', Buffer.from([0xfc, 0x0d]), 'ended with 2', 'FLEET_CLI_NO_ANSWER'],
    ])('is not given with %s; the terminal is as before, and nothing was dialled', async (_what, keys, end, code) => {
      const terminal = run('--ask-password')
      await terminal.until(QUESTION)
      terminal.type(keys)
      await terminal.ended()
      expect(terminal.screen()).toContain(end)
      expect(terminal.screen()).toContain(code)
      expect(server.connections()).toBe(0)
      expectTerminalAsBefore(terminal.screen())
    })

    it.each(['TERM', 'HUP', 'INT'])('leaves the terminal as it was when SIG%s ends the command', async (signal) => {
      const terminal = run(
        '--ask-password',
        (command) => `exec 2>&1; (echo $$ >/dev/null; sh -c 'echo $$ >pid; exec "$@"' sh ${command})`,
      )
      await terminal.until(QUESTION)
      process.kill(Number(readFileSync(join(job.folder, 'pid'), 'utf8')), `SIG${signal}`)
      await terminal.ended()
      expect(terminal.screen()).toContain(`ended with ${{ TERM: 143, HUP: 129, INT: 130 }[signal] ?? 0}`)
      expectTerminalAsBefore(terminal.screen())
    })
  })

  describe.skipIf(isMissing('ssh-keygen', 'passphrases on a terminal'))('a passphrase', () => {
    const keyPair = (name: string): string => {
      const file = join(job.folder, name)
      execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-a', '1', '-N', 'ope n', '-f', file])
      return file
    }

    it('is asked for once for each key file, however many nodes need it, also when stdin is a pipe', async () => {
      const [first, second] = [keyPair('one'), keyPair('two')]
      await serve({ publicKey: readFileSync(`${second}.pub`, 'utf8') })
      job.write(
        'inventory.yml',
        inventoryOf({ n1: { identity: second }, n2: { identity: second }, n3: { identity: first } }),
      )
      const terminal = run('', (command) => `echo data | ${command}`)
      for (let asked = 1; asked <= 2; asked += 1) {
        await terminal.until('Passphrase for ', asked)
        terminal.type('ope n\r')
      }
      await terminal.ended()
      expect(terminal.screen().split('Passphrase for ')).toHaveLength(3)
      expect(terminal.screen()).toContain('ended with 3')
      expect(terminal.screen()).not.toContain('ope n')
      expectTerminalAsBefore(terminal.screen())
    })

    it('is the end of all questions when Ctrl-C answers it', async () => {
      const [first, second] = [keyPair('one'), keyPair('two')]
      await serve({})
      job.write('inventory.yml', inventoryOf({ n1: { identity: second }, n2: { identity: first } }))
      const terminal = run('')
      await terminal.until('Passphrase for ')
      terminal.type('\u0003')
      await terminal.ended()
      expect(terminal.screen().match(/Passphrase for [^:]*: \r/g)).toHaveLength(1)
      expect(terminal.screen()).toContain('ended with 130')
      expectTerminalAsBefore(terminal.screen())
    })
  })
})
