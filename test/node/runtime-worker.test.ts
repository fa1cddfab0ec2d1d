// A worker in JavaScript on a node that has no Node: the one below runtimes/ is found, whichever kind the worker is of.
import { mkdirSync, renameSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { isMissing } from '../support/requires-program.ts'
import { DispatcherDouble } from './dispatcher-double.ts'
import { JobOnDisk, readText, until } from './job-on-disk.ts'
import { shellsHere } from './shells.ts'

const MAIN = `
const { appendFileSync } = require('node:fs')
const { FLEET_ID = 'none', FLEET_RUNTIME, PLACE, PATH } = process.env
appendFileSync(PLACE + '/done', [FLEET_ID, process.argv[2], process.version, FLEET_RUNTIME, PATH].join(' ') + '\\n')
`

/** A runtime that really is this process' own program, under the name of a digest. */
function putRuntime(job: JobOnDisk, digest: string): void {
  const bin = join(job.base, 'runtimes', digest, 'bin')
  mkdirSync(bin, { recursive: true })
  symlinkSync(process.execPath, join(bin, 'node'))
  symlinkSync(digest, join(job.base, 'runtimes', 'next'))
  renameSync(join(job.base, 'runtimes', 'next'), join(job.base, 'runtimes', 'current'))
}

describe.each(shellsHere())('under $name', (shell) => {
  test.concurrent('kind native runs with it, keeps it while it lives, and says which it uses', async () => {
    await using job = new JobOnDisk({
      shell,
      files: { 'main.js': `${MAIN}setInterval(() => {}, 1000)` },
      settings: { command: ['node', 'main.js', 'hello'], runtime: 'node' },
    })
    // Also where the user sets PATH.
    job.configure({ env: { PLACE: job.home, PATH: '/nowhere' } })
    putRuntime(job, 'n1')
    await job.want({})
    await until(() => readText(join(job.home, 'done')).endsWith('\n'))
    const runtime = join(job.base, 'runtimes', 'n1')
    expect(readText(join(job.home, 'done'))).toBe(`none hello ${process.version} ${runtime} ${runtime}/bin:/nowhere\n`)
    putRuntime(job, 'n2')
    expect(job.read('p01', 'etc/runtime')).toBe('n1\n')
  })

  test.concurrent('a script that the release does not hold is said at once, and costs no ID anything', async () => {
    await using job = new JobOnDisk({ shell, settings: { command: ['node', 'main.js'], runtime: 'node' } })
    putRuntime(job, 'n1')
    await job.want({})
    await job.untilSlot((slot) => slot.state === 'misconfigured')
    expect(job.read('p01', 'out.log')).toMatch(/expected the script .* found no .*releases\/r1\/main\.js\n/)
  })

  test.concurrent('nothing changes where the job does not ask for it', async () => {
    await using job = new JobOnDisk({
      shell,
      files: { worker: '#!/bin/sh\necho "${FLEET_RUNTIME-none} $PATH" >"$PLACE/done"\n' },
    })
    putRuntime(job, 'n1')
    job.configure({ env: { PLACE: job.home } })
    await job.want({})
    await job.untilSlot((slot) => slot.state === 'finished')
    expect(readText(join(job.home, 'done'))).toMatch(/^none (?!.*runtimes)/)
    expect(job.read('p01', 'etc/runtime')).toBe('')
  })

  test.concurrent('a node that keeps its own Node, and has no runtime, uses what it finds', async () => {
    await using job = new JobOnDisk({
      shell,
      files: { 'main.js': MAIN },
      settings: { command: ['node', 'main.js', 'own'], runtime: 'node' },
    })
    const own = join(job.home, 'own')
    mkdirSync(own)
    symlinkSync(process.execPath, join(own, 'node'))
    job.configure({ env: { PLACE: job.home, PATH: own } })
    await job.want({})
    await job.untilSlot((slot) => slot.state === 'finished')
    expect(readText(join(job.home, 'done'))).toBe(`none own ${process.version}  ${own}\n`)
  })

  test.skipIf(isMissing('curl', 'the worker of kind exec')).concurrent('kind exec runs every ID with it', async () => {
    await using dispatcher = await DispatcherDouble.start({ ids: ['a', 'b'], finishes: true })
    await using job = new JobOnDisk({
      shell,
      files: { 'main.js': MAIN },
      settings: { kind: 'exec', command: ['node', 'main.js', '{id}'], runtime: 'node', url: dispatcher.url },
    })
    job.configure({ env: { PLACE: job.home } })
    putRuntime(job, 'n1')
    await job.want({})
    await job.untilSlot((slot) => slot.state === 'finished')
    const lines = readText(join(job.home, 'done')).trim().split('\n')
    expect(lines.map((line) => line.split(' ').slice(0, 3).join(' '))).toEqual([
      `a a ${process.version}`,
      `b b ${process.version}`,
    ])
    expect(Object.values(dispatcher.states())).toEqual(['done', 'done'])
  })
})
