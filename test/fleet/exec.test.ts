// How the end of a command on a node is told apart: exit code, signal, nobody saw it, not run.
import { describe, expect, it } from 'vitest'
import { FleetError, parseNodeName } from '../../src/core/index.ts'
import { execOnNode, isSuccess, outcomeLabel, type ExecOutcome, type FleetNode } from '../../src/fleet/index.ts'
import { execCommand } from '../../src/node/index.ts'
import { createLocalConnection, type Transport } from '../../src/ssh/index.ts'

const NODE: FleetNode = {
  node: parseNodeName('node01'),
  target: { node: parseNodeName('node01'), address: '127.0.0.1', port: 22, user: 'nobody', identities: [] },
  base: '~/.fleet/trial',
  slots: 1,
  env: {},
}

/** This machine as every node. */
const HERE: Transport = {
  connect: (target) => Promise.resolve(createLocalConnection(target.node)),
  close: () => Promise.resolve(),
}

async function ran(
  line: string,
  options: { readonly timeoutMs?: number; readonly signal?: AbortSignal; readonly onStdout?: () => void } = {},
): Promise<{ outcome: ExecOutcome; stdout: string; stderr: string }> {
  const printed = { stdout: '', stderr: '' }
  const outcome = await execOnNode(
    NODE,
    {
      transport: HERE,
      command: execCommand([line]),
      timeoutMs: options.timeoutMs ?? 0,
      signal: options.signal ?? new AbortController().signal,
    },
    {
      stdout: (chunk) => {
        printed.stdout += chunk.toString()
        options.onStdout?.()
      },
      stderr: (chunk) => (printed.stderr += chunk.toString()),
    },
  )
  return { outcome, ...printed }
}

describe('a command on one node', () => {
  it('gives both its streams, without the mark, and its exit code', async () => {
    expect(await ran('echo a; echo b >&2; exit 7')).toEqual({
      outcome: { kind: 'exited', exitCode: 7 },
      stdout: 'a\n',
      stderr: 'b\n',
    })
  })

  it('was killed by a signal, which has a name', async () => {
    const { outcome } = await ran('kill -KILL $$')
    expect(outcome).toEqual({ kind: 'killed', signal: 'KILL' })
    expect(outcomeLabel(outcome)).toBe('killed by KILL')
  })

  it('has an unknown outcome when it was given up', async () => {
    const { outcome, stdout } = await ran('echo begun; sleep 20', { timeoutMs: 500 })
    expect(outcome).toMatchObject({ kind: 'unknown', error: { code: 'FLEET_SSH_TIMEOUT' } })
    expect(stdout).toBe('begun\n')
  })

  it('has an unknown outcome when the operator stopped waiting', async () => {
    const controller = new AbortController()
    const { outcome } = await ran('echo begun; sleep 20', {
      signal: controller.signal,
      onStdout: () => {
        controller.abort()
      },
    })
    expect(outcome).toMatchObject({ kind: 'unknown', error: { code: 'FLEET_SSH_ABORTED' } })
  })

  it('has an unknown outcome when its output cannot be taken, with the cause', async () => {
    const { outcome } = await ran('echo a; sleep 20', {
      onStdout: () => {
        throw new FleetError('FLEET_CLI_MUCH_OUTPUT', 'too much')
      },
    })
    expect(outcome).toMatchObject({ kind: 'unknown', error: { code: 'FLEET_CLI_MUCH_OUTPUT' } })
  })

  it('did not run when the node cannot be reached as asked: that is thrown', async () => {
    const refusal = new FleetError('FLEET_CONFIG_REFUSED', 'no such way')
    const plan = {
      transport: HERE,
      command: execCommand(['true']),
      timeoutMs: 0,
      signal: new AbortController().signal,
    }
    const sink = { stdout: () => undefined, stderr: () => undefined }
    await expect(execOnNode({ ...NODE, refusal }, plan, sink)).rejects.toBe(refusal)
  })

  it('is a success with exit code 0 only', () => {
    expect(isSuccess({ kind: 'exited', exitCode: 0 })).toBe(true)
    expect(isSuccess({ kind: 'exited', exitCode: 1 })).toBe(false)
    expect(isSuccess({ kind: 'killed', signal: 'TERM' })).toBe(false)
    expect(outcomeLabel({ kind: 'exited', exitCode: 0 })).toBe('')
  })
})
