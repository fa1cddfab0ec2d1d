// The scripts of an uninstall as text, and what is read of their output.
import { spawnSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { parseJobName } from '../../src/core/index.ts'
import {
  lookCommand,
  parseKeepersRemoved,
  parseRemoved,
  parseTraces,
  removeCommand,
  removeKeepersCommand,
} from '../../src/node/index.ts'
import { findProgram } from '../support/requires-program.ts'

const JOB = parseJobName('photos')
const CLAIM = { epoch: 1, token: 'x' }

describe('the scripts', () => {
  const shellcheck = findProgram('shellcheck', 'shellcheck of the scripts of fleet uninstall')
  // What the kit's own text is excused from, and functions and variables of it that are not used here.
  const excused = '--exclude=SC1091,SC2015,SC2030,SC2031,SC2034,SC2086,SC2317,SC3013'
  it.skipIf(shellcheck === undefined).each([
    ['look', lookCommand('/x', JOB, { sizes: true })],
    ['keepers', removeKeepersCommand('/x', JOB, CLAIM)],
    ['remove', removeCommand('/x', JOB, CLAIM, { ends: true, graceMs: 1000 })],
  ])('%s is clean to shellcheck', (_, command) => {
    const input = `#!/bin/sh\nbase=$1\n${command.script}`
    expect(spawnSync(shellcheck ?? '', [excused, '-'], { input, encoding: 'utf8' }).stdout).toBe('')
  })

  it('hold neither the base nor the job: those are arguments', () => {
    const command = removeCommand('~/it is', JOB, CLAIM, { ends: false, graceMs: 12_345 })
    expect(command.script).not.toMatch(/it is'|photos/)
    expect(command).toMatchObject({ base: '~/it is', args: ['1', 'x', 'photos', '', '124', 'yes'] })
  })
})

describe('what a look tells', () => {
  const whole = 'fleet-traces 1\nbase\t/x/photos\nplace\tjob\nkeeper\tcron line \nend\n'

  it('is read whatever a login printed before', () => {
    expect(parseTraces(`hello\n\n${whole}`)).toEqual({
      base: '/x/photos',
      place: { kind: 'job' },
      leftovers: [],
      slots: [],
      wanted: 0,
      keepers: [{ keeper: 'cron', state: 'line', said: '' }],
      processes: [],
      parts: [],
      root: '',
      beside: [],
    })
  })

  it('has names with blanks, and reasons', () => {
    const text = whole
      .replace('place\tjob', 'place\todd\nwhy\tis not a folder\nprocess\t12 other my prog\npart\t8 a b\nbeside\t-x y')
      .replace('cron line ', 'cron unreadable not allowed')
    expect(parseTraces(text)).toMatchObject({
      place: { kind: 'odd', why: 'is not a folder' },
      processes: [{ pid: 12, kind: 'other', name: 'my prog' }],
      parts: [{ name: 'a b', sizeBytes: 8192 }],
      beside: ['-x y'],
      keepers: [{ state: 'unreadable', said: 'not allowed' }],
    })
  })

  it.each([
    '',
    whole.slice(0, -1),
    whole.replace('\nend\n', '\n'),
    whole.replace('place\tjob', 'place\tnice'),
    whole.replace('base\t/', 'base\t'),
    whole.replace('cron line ', 'cron'),
    whole.replace('place\tjob', 'place\tjob\nprocess\tx ours sh'),
    whole.replace('place\tjob', 'place\tjob\nwanted\t-1'),
  ])('is refused when it is not whole: %j', (text) => {
    expect(() => parseTraces(text)).toThrow(expect.objectContaining({ code: 'FLEET_NODE_BAD_FACTS' }) as Error)
  })
})

describe('what a removal tells', () => {
  it('is one outcome for each keeper, and a failure where one said nothing', () => {
    expect(parseKeepersRemoved('cron\tremoved \n')).toEqual([{ keeper: 'cron', outcome: 'removed' }])
    expect(parseKeepersRemoved('')).toEqual([{ keeper: 'cron', outcome: 'failed: it said nothing' }])
  })

  it('names what is gone', () => {
    expect(parseRemoved('x\nremoved\t/a b\nremoved\t/c\n')).toEqual(['/a b', '/c'])
  })
})
