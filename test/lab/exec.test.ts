// fleet exec on real hosts: login shells, signals, nodes that lose power, sessions that end in the middle, Ctrl-C.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { describeOnLab } from './describe-on-lab.ts'
import { startLab, type Lab } from './lab.ts'
import { changeShell } from './node-changes.ts'
import { createOperator, nodesOf, outcomesOf, type NodeRecord, type Operator } from './operator.ts'

const FLEET = join(import.meta.dirname, '../../bin/fleet')

describeOnLab('fleet exec', () => {
  let lab: Lab
  let operator: Operator

  beforeAll(async () => {
    lab = await startLab({ nodes: 4 })
    operator = await createOperator({
      inventory: lab.inventoryYml('deploy'),
      knownHostsFile: lab.knownHostsFile,
      ssh: { retries: 0 },
    })
  }, 60_000)

  afterAll(async () => {
    await operator[Symbol.asyncDispose]()
    await lab.dispose()
  }, 60_000)

  it('tells exit codes and signals of every node apart', async () => {
    const mixed = await operator.fleet(
      'exec',
      '--',
      'case $(hostname) in node01) exit 7 ;; node02) kill -KILL $$ ;; *) id -un ;; esac',
    )
    expect(mixed.exitCode, mixed.stderr).toBe(3)
    expect(mixed.stdout).toBe(
      '--- node[03-04] (2)\ndeploy\n--- node01 (1) · exit 7 · no output\n--- node02 (1) · killed by KILL · no output\n',
    )
    expect(mixed.stderr).toMatch(/retry just these 2: fleet exec .* --limit @\S*exec\.nodes/)
    const again = await operator.fleet('exec', '--limit', '@.fleet/retry/exec.nodes', '--', 'hostname')
    expect(again.stdout).toBe('--- node01 (1)\nnode01\n--- node02 (1)\nnode02\n')
  })

  it('does not know how a command ended whose session or node was lost, and does know the others', async () => {
    const run = operator.fleet('exec', '--json', '--', 'echo $PPID >/tmp/session; sleep 6; echo end')
    await written(lab, 1, '/tmp/session')
    await written(lab, 2, '/tmp/session')
    await lab.run(1, 'kill -KILL "$(cat /tmp/session)"')
    await lab.kill(2)
    const result = await run
    await lab.start(2)
    expect(result.exitCode).toBe(3)
    const records = nodesOf(result)
    expect(records.map(outcomeOf)).toEqual(['unknown', 'unknown', 'exited 0', 'exited 0'])
  }, 40_000)

  it('names a login shell that runs nothing, and says what was not run', async () => {
    await changeShell(lab, 3, '/usr/sbin/nologin')
    const result = await operator.fleet('exec', '--json', '--', 'true')
    await changeShell(lab, 3, '/bin/sh')
    expect(outcomesOf(result)).toEqual(['node01: ok', 'node02: ok', 'node03: FLEET_NODE_NO_SHELL', 'node04: ok'])
    expect(nodesOf(result).map(outcomeOf)[2]).toBe('not run')
  })

  it('stops waiting at Ctrl-C and names the nodes that were still running', async () => {
    const child = spawn(
      FLEET,
      [
        'exec',
        '--known-hosts',
        lab.knownHostsFile,
        '--stream',
        '--',
        '[ $(hostname) = node01 ] || { echo begun; exec sleep 30; }',
      ],
      { cwd: operator.folder, env: { ...process.env, HOME: operator.folder, SSH_AUTH_SOCK: '' } },
    )
    let stderr = ''
    let begun = 0
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      begun += text.split('begun').length - 1
      if (begun === 3) child.kill('SIGINT')
    })
    const [code] = (await once(child, 'close')) as [number | null]
    expect(code, stderr).toBe(130)
    expect(stderr).toMatch(/still running on node\[0[12]-04\]/)
  })
})

function outcomeOf({ outcome, exit_code: exitCode }: NodeRecord): string {
  return `${String(outcome)}${typeof exitCode === 'number' ? ` ${exitCode}` : ''}`
}

/** Returns when the command on the node has said which session it belongs to. */
async function written(lab: Lab, node: number, file: string): Promise<void> {
  const found = await lab.run(
    node,
    `n=0; until [ -s ${file} ]; do n=$((n + 1)); [ $n -lt 200 ] || exit 1; sleep 0.05; done`,
  )
  expect(found.exitCode).toBe(0)
}
