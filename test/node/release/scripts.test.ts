// The scripts of this room as shellcheck sees them; it cannot find them by itself.
import { spawnSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { parseDigest } from '../../../src/core/index.ts'
import {
  configureCommand,
  inspectCommand,
  manifestCommand,
  receiveCommand,
  switchCommand,
  verifyCommand,
  type Claim,
} from '../../../src/node/index.ts'
import { findProgram } from '../../support/requires-program.ts'

const digest = parseDigest('ab'.repeat(32))
const claim: Claim = { epoch: 1, token: 'x' }
const commands = [
  inspectCommand('/x', { tools: [], programs: [] }),
  manifestCommand('/x', 'kit', digest),
  verifyCommand('/x', 'kit', digest, claim),
  receiveCommand('/x', 'kit', digest, { claim, compression: 'none', how: 'new', contentBytes: 0 }),
  switchCommand('/x', { keep: 1, claim }),
  configureCommand('/x', [], claim),
]
// Fields of /proc, lists of pids and of digests are split on purpose; -ef is in dash, bash and busybox ash; `a && b || fail`
// is meant as it stands; variables come from one part of a script and are used in another.
const EXCEPT = 'SC2015,SC2034,SC2045,SC2046,SC2086,SC2154,SC3013'

const shellcheck = findProgram('shellcheck', 'shellcheck of the scripts of a push')

describe.skipIf(shellcheck === undefined)('the script of', () => {
  it.each(commands.map((command) => [command.name, command.script]))('%s is clean to shellcheck', (_, script) => {
    const input = `#!/bin/sh\nbase=$1\n${script}`
    expect(spawnSync(shellcheck ?? '', [`--exclude=${EXCEPT}`, '-'], { input, encoding: 'utf8' }).stdout).toBe('')
  })
})
