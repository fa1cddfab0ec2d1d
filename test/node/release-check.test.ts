// The user's health check of a release, as a node runs it.
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parseDigest, parseJobName, parseNodeName } from '../../src/core/index.ts'
import { releaseCheckCommand, releaseCheckOutcome, type ReleaseCheckOutcome } from '../../src/node/release-check.ts'
import { openLocalNode, removeTree, type LocalNode } from '../fleet/local-node.ts'
import { pidsMentioning, until } from './job-on-disk.ts'
import { shellsHere } from './shells.ts'

const DIGEST = parseDigest('a'.repeat(64))

describe.each(shellsHere())('a release check under $name', ({ name, path: sh }) => {
  let node: LocalNode
  let release: string
  let place: string

  beforeAll(() => {
    node = openLocalNode({ sh })
    place = mkdtempSync(join(tmpdir(), 'fleet-place-'))
    release = join(node.folder, 'releases', DIGEST)
    mkdirSync(release, { recursive: true })
    symlinkSync(`releases/${DIGEST}`, join(node.folder, 'current'))
  })
  afterAll(async () => {
    await node[Symbol.asyncDispose]()
    removeTree(place)
  })

  const program = (script: string): void => {
    writeFileSync(join(release, 'healthy'), `#!/bin/sh\n${script}\n`)
    chmodSync(join(release, 'healthy'), 0o755)
  }
  const check = async (command: readonly string[], timeoutMs = 20_000, digest = DIGEST) =>
    node.run(
      releaseCheckCommand(node.base, {
        job: parseJobName('photos'),
        node: parseNodeName('node07'),
        release: digest,
        command,
        timeoutMs,
      }),
    )
  const outcome = async (...given: Parameters<typeof check>): Promise<ReleaseCheckOutcome> =>
    releaseCheckOutcome(await check(...given))

  it('runs in the folder of the release, with the names of things, and no shell between', async () => {
    program(`printf '%s\\n' "$PWD" "$FLEET_JOB" "$FLEET_NODE" "$FLEET_RELEASE" "$@"; exit 7`)
    const found = await outcome(['./healthy', '$HOME *', "it's", ''])
    expect(found).toEqual({
      kind: 'unhealthy',
      exitCode: 7,
      output: [release, 'photos', 'node07', release, '$HOME *', "it's", '', ''].join('\n'),
    })
  })

  it('is healthy with exit 0, whatever it prints', async () => {
    program('echo fleet-check 3 >&2; echo bad; exit 0')
    expect(await outcome(['./healthy'])).toEqual({ kind: 'healthy' })
  })

  it('says how it ended when a signal did it, and when there is no such program', async () => {
    program('kill -KILL $$')
    expect(await outcome(['./healthy'])).toMatchObject({ kind: 'unhealthy', exitCode: 137 })
    expect(await outcome(['./missing'])).toMatchObject({
      kind: 'unhealthy',
      exitCode: 127,
      output: expect.stringContaining('missing') as string,
    })
  })

  it('keeps the end of a flood', async () => {
    program(
      'i=0; while [ $i -lt 30000 ]; do i=$((i + 1)); echo "line $i of very many, none of which is short"; done; exit 1',
    )
    const found = await outcome(['./healthy'])
    if (found.kind !== 'unhealthy') throw new Error(found.kind)
    expect(found.output.length).toBeLessThanOrEqual(4000)
    expect(found.output).toMatch(/line 30000 of [^\n]*\n$/)
  })

  it('ends what takes too long, with everything that it started', async () => {
    // Also what does not heed TERM; once, because that takes its time.
    program(`echo waiting; ${name === 'dash' ? "trap '' TERM; " : ''}sleep 50 & sleep 51; :`)
    const startedMs = performance.now()
    const late = outcome(['./healthy', join(place, 'hangs')], 1000)
    expect(await late).toEqual({ kind: 'late', output: 'waiting\n' })
    expect(performance.now() - startedMs).toBeLessThan(20_000)
    await until(() => pidsMentioning(join(place, 'hangs')).length === 0)
  })

  it('leaves no clock behind when it ends in time', async () => {
    program(': >"$1"')
    expect(await outcome(['./healthy', join(place, 'was here')], 54_321_000)).toEqual({ kind: 'healthy' })
    expect(existsSync(join(place, 'was here'))).toBe(true)
    await until(() => pidsMentioning('54321').length === 0)
  })

  it('checks nothing when another release is current', async () => {
    const found = await check(['true'], 1000, parseDigest('b'.repeat(64)))
    expect(found).toMatchObject({ exitCode: 66, stderr: expect.stringContaining('current is aaaa') as string })
    expect(() => releaseCheckOutcome(found)).toThrow('expected the end of a release check')
  })

  it('has a release that is read-only, and leaves nothing in it', async () => {
    program('exit 0')
    const before = readFileSync(join(release, 'healthy'), 'utf8')
    chmodSync(release, 0o555)
    expect(await outcome(['./healthy'])).toEqual({ kind: 'healthy' })
    chmodSync(release, 0o755)
    expect(readFileSync(join(release, 'healthy'), 'utf8')).toBe(before)
  })
})
