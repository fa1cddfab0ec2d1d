// fleet push and fleet rollback as an operator calls them, on nodes inside this process: what is refused before anything is done, what a
// dry run says, batches, the question between them, checks, and the way back.
import { spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { startDemoNodes, type DemoNodes } from '../../src/demo/index.ts'
import { createJobFolder, ended, FLEET, type Ended, type JobFolder } from './job-folder.ts'
import { onTerminal, whyNoTerminal } from './pseudo-terminal.ts'

interface Shown {
  readonly node: string
  readonly ok: boolean
  readonly error?: { readonly code: string; readonly message: string }
  readonly [field: string]: unknown
}

let job: JobFolder
let nodes: DemoNodes
const flags = (): string[] => ['--known-hosts', nodes.knownHostsFile]

const release = (version: string, check = 'exit 0', settings = ''): void => {
  job.write('main.sh', `#!/bin/sh\n# ${version}\n`, 0o755)
  job.write('healthy', `#!/bin/sh\n${check}\n`, 0o755)
  job.write(
    'fleet.yml',
    `job: trial
release: { files: [main.sh, healthy], check: [./healthy] }
worker: { kind: native, command: [./main.sh] }
ssh: { retries: 1 }
${settings}`,
  )
}
const fleet = (...args: readonly string[]): Promise<Ended> => job.fleet([args[0] ?? '', ...flags(), ...args.slice(1)])
const json = async (...args: readonly string[]): Promise<{ result: Ended; nodes: Shown[]; dry_run?: boolean }> => {
  const result = await fleet(...args, '--json')
  return { result, ...(JSON.parse(result.stdout) as { nodes: Shown[] }) }
}
const current = (node: number): string =>
  readFileSync(join(nodes.homes[node] ?? '', '.fleet/trial/current/main.sh'), 'utf8')
    .trim()
    .slice(-2)

beforeAll(async () => {
  job = createJobFolder()
  nodes = await startDemoNodes(job.folder, 3)
})
afterAll(async () => {
  await nodes.close()
  job.remove()
})

describe('a roll-out that cannot be as it was asked for', () => {
  beforeEach(() => {
    release('v0')
  })

  it.each([
    ['a batch that is none', ['--batch', '1,x'], /expected --batch to be numbers .* got "x" at character 3 of "1,x"/],
    ['an empty batch', ['--batch', ''], /expected --batch/],
    ['a budget that is none', ['--max-fail', '-1'], /expected --max-fail to be a number from 0/],
    ['a pause without batches', ['--pause', '5s'], /expected --pause together with --batch or --canary/],
    ['a pause without a unit', ['--batch', '1', '--pause', '5'], /expected a duration such as 30s/],
    ['a question without batches', ['--ask'], /expected --ask together with --batch or --canary/],
    ['a canary that nobody knows', ['--canary', 'node09'], /expected nodes or groups .* found node09; near: node/],
    ['a canary that is left out', ['--limit', 'node01', '--canary', 'node02'], /but --limit leaves them out/],
  ])('ends with 2 for %s, and nothing is done', async (_, args, said) => {
    const stderr = expect.stringMatching(said) as string
    expect(await fleet('push', ...args)).toMatchObject({ code: 2, stdout: '', stderr })
    expect(readdirSync(nodes.homes[0] ?? '')).toEqual([])
  })

  it('ends with 2 for such batches of a start and a stop as well', async () => {
    for (const command of ['start', 'stop'])
      expect(await fleet(command, '--batch', '0')).toMatchObject({ code: 2, stdout: '' })
  })

  it('ends with 2 for a release that cannot be a digest', async () => {
    for (const name of ['abc', 'xyzw'])
      expect(await fleet('rollback', name)).toMatchObject({
        code: 2,
        stderr: expect.stringContaining('RELEASE') as string,
      })
  })

  it('ends with 2 when nothing could trigger --auto-rollback', async () => {
    job.write(
      'fleet.yml',
      'job: trial\nrelease: { files: [main.sh] }\nworker: { kind: native, command: [./main.sh] }\n',
    )
    expect(await fleet('push', '--auto-rollback')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('release.check') as string,
    })
  })
})

describe('a roll-out on three nodes', { timeout: 120_000 }, () => {
  it('is rehearsed without a trace', async () => {
    release('v1')
    const { result, nodes: shown, dry_run } = await json('push', '--dry-run')
    expect(result.code, result.stderr).toBe(0)
    expect(dry_run).toBe(true)
    expect(shown[0]).toMatchObject({ node: 'node01', ok: true, outcome: 'push', linked: 0, previous: '' })
    expect(shown[0]?.['files']).toBeGreaterThan(2)
    expect(readdirSync(nodes.homes[0] ?? '')).toEqual([])
  })

  it('goes batch by batch, tells what it will do before, and what it did after', async () => {
    const pushed = await fleet('push', '--canary', 'node02', '--batch', '1')
    expect(pushed.code, pushed.stderr).toBe(0)
    expect(pushed.stderr).toMatch(
      /^3 to change, 0 unchanged, 0 refused: in batches of 1, 1, 1; health is checked; at most 0 may fail$/m,
    )
    expect(pushed.stderr).toMatch(
      /batch 1 of 3: node02\npush node02: ok\nbatch 2 of 3: node01\npush node01: ok\nbatch 3 of 3: node03\n/,
    )
    expect(pushed.stderr).toMatch(/^3 pushed · .* in .* \(.*\/s\)$/m)
    expect(pushed.stdout).toMatch(
      /^NODE +OUTCOME +SENT +RELEASE +CHECK\nnode01 +pushed +\S+ KiB +[0-9a-f]{12} +healthy\n/,
    )
    const again = await fleet('push')
    expect(again.stderr).toContain('0 to change, 3 unchanged, 0 refused\n')
    expect(again.stderr).toContain('3 unchanged · nothing sent')
  })

  it('says what a dry run would send and link', async () => {
    release('v2')
    const { nodes: shown } = await json('push', '--dry-run')
    // Of two files of the release one is there already.
    expect(shown[0]).toMatchObject({ outcome: 'push', files: 1, bytes: 15, linked: 1 })
    expect(current(0)).toBe('v1')
  })

  it('ends where a check fails, and the rest stays as it was', async () => {
    release('v2', 'test "$FLEET_NODE" != node02')
    const { result, nodes: shown } = await json('push', '--batch', '1')
    expect(result.code).toBe(3)
    expect(shown.map(({ ok, error }) => (ok ? 'ok' : error?.code))).toEqual([
      'ok',
      'FLEET_ROLLOUT_UNHEALTHY',
      'FLEET_ROLLOUT_STOPPED',
    ])
    expect(shown[1]?.error?.message).toMatch(/its check ended with exit 1 and said nothing$/)
    expect([0, 1, 2].map(current)).toEqual(['v2', 'v2', 'v1'])
  })

  it('goes back to the previous release, node by node, and says where', async () => {
    const back = await fleet('rollback', '--limit', 'node[01:02]')
    // The check belongs to the release: the older one has its own.
    expect(back.code, back.stderr).toBe(0)
    expect(back.stderr).toMatch(/^back to [0-9a-f]{12}: node\[01-02\]$/m)
    expect([0, 1, 2].map(current)).toEqual(['v1', 'v1', 'v1'])
    const listed = await fleet('rollback', '--list')
    expect(listed.stdout).toMatch(
      /^node\[01-02\] \(2 nodes\)\n {2}[0-9a-f]{12} {2}\S+Z {2}previous\n {2}[0-9a-f]{12} {2}\S+Z {2}current\nnode03\n/,
    )
    const { nodes: shown } = await json('rollback', '--dry-run')
    expect(shown.map(({ ok, outcome, error }) => (ok ? outcome : error?.code))).toEqual([
      'switched',
      'switched',
      'FLEET_ROLLBACK_NO_RELEASE',
    ])
    expect([0, 1, 2].map(current)).toEqual(['v1', 'v1', 'v1'])
  })

  it('takes a sick node back by itself, also where there is room for failures', async () => {
    release('v3', 'case $FLEET_NODE in node03) echo "no luck"; exit 4 ;; esac')
    const { result, nodes: shown } = await json('push', '--auto-rollback', '--max-fail', '1')
    expect(result.code).toBe(3)
    expect(shown.map(({ ok }) => ok)).toEqual([true, true, false])
    expect(shown[2]?.error?.message).toMatch(/exit 4; it said: no luck\. It was switched back to [0-9a-f]{12}$/)
    expect([0, 1, 2].map(current)).toEqual(['v3', 'v3', 'v1'])
  })

  it('takes a whole batch back when it has to stop, and says so of each node', async () => {
    release('v4', 'test "$FLEET_NODE" != node01')
    const { nodes: shown } = await json('push', '--auto-rollback')
    expect(shown.map(({ error }) => error?.code)).toEqual([
      'FLEET_ROLLOUT_UNHEALTHY',
      'FLEET_ROLLOUT_SWITCHED_BACK',
      'FLEET_ROLLOUT_SWITCHED_BACK',
    ])
    expect(shown[1]?.error?.message).toMatch(
      /^its batch was switched back, because node01 did not do well .*\. It was switched back to/,
    )
    expect([0, 1, 2].map(current)).toEqual(['v3', 'v3', 'v1'])
  })

  it('says of a first release that there is nothing to go back to', async () => {
    release('v5', 'exit 1', 'root: ~/.other\n')
    const { nodes: shown } = await json('push', '--auto-rollback', '--limit', 'node01')
    expect(shown[0]?.error).toMatchObject({ code: 'FLEET_ROLLOUT_UNHEALTHY' })
    expect(shown[0]?.error?.message).toContain('this is its first release, there is none to go back to')
  })

  it.skipIf(whyNoTerminal() !== undefined)('asks between batches, and ends where the answer is no', async () => {
    release('v6')
    const terminal = onTerminal(`${FLEET} push --known-hosts ${nodes.knownHostsFile} --batch 1 --ask 2>said`, {
      folder: job.folder,
      env: { HOME: job.folder },
    })
    await terminal.until('go on with the next batch? [y/n]')
    expect([0, 1, 2].map(current)).toEqual(['v6', 'v3', 'v1'])
    terminal.type('xy')
    await terminal.until('go on with the next batch? [y/n]', 2)
    expect([0, 1, 2].map(current)).toEqual(['v6', 'v6', 'v1'])
    terminal.type('n')
    expect(await terminal.ended()).toBe(3)
    const said = readFileSync(join(job.folder, 'said'), 'utf8')
    expect(said).toContain('not touched: the operator said no before the next batch')
    expect([0, 1, 2].map(current)).toEqual(['v6', 'v6', 'v1'])
  })

  it('is refused without a terminal to ask on, before anything is done', async () => {
    // A session of its own has none.
    const args = ['push', ...flags(), '--batch', '1', '--ask']
    const result = await ended(spawn(FLEET, args, { cwd: job.folder, detached: true }))
    expect(result).toMatchObject({ code: 2, stderr: expect.stringContaining('FLEET_CLI_NO_TERMINAL') as string })
    expect(current(2)).toBe('v1')
  })
})
