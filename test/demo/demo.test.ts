// The demo ends well, and leaves nothing behind: no process, no folder; also when it is interrupted.
import { existsSync } from 'node:fs'
import { spawn } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { ended, FLEET } from '../cli/job-folder.ts'
import { pidsMentioning, until } from '../node/job-on-disk.ts'
import { isMissing } from '../support/requires-program.ts'

const TIMEOUT_MS = 120_000

function startDemo(): {
  child: ReturnType<typeof spawnDemo>
  result: ReturnType<typeof ended>
  folder: Promise<string>
} {
  const child = spawnDemo()
  const result = ended(child)
  const folder = new Promise<string>((resolve) => {
    let text = ''
    child.stderr.on('data', (chunk: string) => {
      const found = /everything is below (\S+);/.exec((text += chunk))?.[1]
      if (found !== undefined) resolve(found)
    })
  })
  return { child, result, folder }
}

function spawnDemo() {
  return spawn(FLEET, ['demo', '--users', '30'])
}

describe.skipIf(isMissing('curl', 'the demo')).concurrent('fleet demo', () => {
  it('moves every user, says so, and leaves nothing behind', { timeout: TIMEOUT_MS }, async () => {
    const { result, folder } = startDemo()
    const { code, stdout, stderr } = await result
    expect(code, stderr).toBe(0)
    expect(stdout).toContain('checked: 30 users')
    expect(stdout).toContain('30 imported = 0 pending + 0 leased + 30 done + 0 parked')
    expect(stderr).toContain('$ fleet push --hosts inventory.yml')
    expect(existsSync(await folder)).toBe(false)
    expect(pidsMentioning(await folder)).toEqual([])
  })

  it('leaves nothing behind when it is interrupted in the middle', { timeout: TIMEOUT_MS }, async () => {
    const { child, result, folder } = startDemo()
    let seen = ''
    child.stdout.on('data', (chunk: string) => (seen += chunk))
    await until(
      () => seen.includes(' added, '),
      () => seen,
      60_000,
    )
    child.kill('SIGINT')
    const { code, stderr } = await result
    expect(code, stderr).toBe(130)
    expect(existsSync(await folder)).toBe(false)
    expect(pidsMentioning(await folder)).toEqual([])
  })
})
