// A command for a node, run: what its login printed is not its output, and a login shell that runs nothing is named.
import { describe, expect, it } from 'vitest'
import { run, runAnyway } from '../../src/fleet/fleet-node.ts'
import { parseNodeName } from '../../src/core/index.ts'
import type { NodeCommand } from '../../src/node/index.ts'
import { createLocalConnection, type Connection } from '../../src/ssh/index.ts'

const COMMAND: NodeCommand = { name: 'test', script: 'echo out; echo err >&2; exit "$1"', args: ['0'] }

/** This machine, with a login that does `before` with every command line. */
function withLogin(before: (line: string) => string): Connection {
  const connection = createLocalConnection(parseNodeName('here'))
  return { ...connection, exec: (line, options) => connection.exec(before(line), options) }
}

describe('a command on a node', () => {
  const noisy = withLogin((line) => `echo Welcome; echo 'stty: no tty' >&2; ${line}`)
  const noise = { stdout: 'Welcome\n', stderr: 'stty: no tty\n' }

  it('gives its own output, and what the login printed apart from it', async () => {
    expect(await run(noisy, COMMAND)).toMatchObject({ exitCode: 0, stdout: 'out\n', stderr: 'err\n', noise })
  })

  it('streams only its own output', async () => {
    let heard = ''
    const result = await run(noisy, COMMAND, { onStdout: (chunk) => (heard += chunk.toString()) })
    expect(heard).toBe('out\n')
    expect(result).toMatchObject({ stdout: '', stderr: 'err\n', noise })
  })

  it('fails with its own last words, not with those of the login', async () => {
    await expect(run(noisy, { ...COMMAND, args: ['3'] })).rejects.toMatchObject({
      code: 'FLEET_NODE_COMMAND',
      message: 'test failed (exit 3): err',
    })
    expect(await runAnyway(noisy, { ...COMMAND, args: ['3'] })).toMatchObject({ exitCode: 3, stderr: 'err\n' })
  })

  it.each([0, 1])('is refused by name when the login shell prints a text instead and exits with %d', async (code) => {
    const nologin = withLogin(() => `echo 'This account is currently not available.'; exit ${code}`)
    await expect(runAnyway(nologin, COMMAND)).rejects.toMatchObject({
      code: 'FLEET_NODE_NO_SHELL',
      message: expect.stringContaining(`(exit ${code}): This account is currently not available.`) as string,
    })
  })
})
