// After a command that failed on some nodes: which, in a file, and how to repeat it for those.
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { configWithoutFile } from '../../src/config/index.ts'
import { createOutput } from '../../src/cli/output/output.ts'
import { reportFailedNodes, retryLine } from '../../src/cli/retry-file.ts'
import { createJobFolder, type JobFolder } from './job-folder.ts'

describe('the command line that is printed', () => {
  it('is the one that was given, with the file in place of its own --limit', () => {
    expect(retryLine(['push', '--limit', 'a:&b', '--parallel', '3'], 'f')).toBe('fleet push --parallel 3 --limit @f')
    expect(retryLine(['push', '--limit=a', 'x y'], 'f')).toBe("fleet push 'x y' --limit @f")
  })

  it('leaves what follows -- as it is', () => {
    expect(retryLine(['exec', '--', 'ls', '--limit', "it's"], 'f')).toBe(
      `fleet exec --limit @f -- ls --limit 'it'\\''s'`,
    )
  })

  it('does not repeat what nobody would read', () => {
    expect(retryLine(['exec', '--', 'x'.repeat(5000)], 'f')).toBe('the same command with --limit @f')
  })
})

describe('the file with the failed nodes', () => {
  let job: JobFolder
  let said: string
  const context = () => ({
    config: configWithoutFile(join(job.folder, 'fleet.yml')),
    output: { ...createOutput({ json: false, color: false }), note: (line: string) => (said += `${line}\n`) },
  })
  const file = () => join(job.folder, '.fleet/retry/push.nodes')
  const results = [
    { node: 'node01', ok: true },
    { node: 'node02', ok: false },
    { node: 'node03', ok: false },
  ]
  beforeEach(() => {
    job = createJobFolder()
    said = ''
  })
  afterEach(() => {
    job.remove()
  })

  it('holds a name a line, for the eyes of the operator only', async () => {
    await reportFailedNodes(context(), 'push', results, ['push'])
    expect(readFileSync(file(), 'utf8')).toBe('node02\nnode03\n')
    expect(statSync(file()).mode & 0o777).toBe(0o600)
    expect(said).toMatch(/^retry just these 2: fleet push --limit \S*push\.nodes\S*\n$/)
  })

  it('goes away when all nodes are well, so that nobody retries what is done', async () => {
    await reportFailedNodes(context(), 'push', results, ['push'])
    const well = ['node02', 'node03'].map((node) => ({ node, ok: true }))
    await reportFailedNodes(context(), 'push', well.slice(0, 1), ['push'])
    expect(existsSync(file())).toBe(true)
    await reportFailedNodes(context(), 'push', well, ['push'])
    expect(existsSync(file())).toBe(false)
  })

  it('is no reason to fail where it cannot be written', async () => {
    writeFileSync(join(job.folder, '.fleet'), '')
    await reportFailedNodes(context(), 'push', results, ['push'])
    expect(said).toContain('the names of the 2 failed nodes could not be kept')
  })
})
