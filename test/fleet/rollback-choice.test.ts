// Which release a node goes back to.
import { describe, expect, it } from 'vitest'
import { parseDigest } from '../../src/core/index.ts'
import { chooseRelease, labelOf, type Holdings } from '../../src/fleet/rollback-choice.ts'

const digest = (start: string) => parseDigest(start.padEnd(64, '0'))
const holdings: Holdings = {
  releases: ['cccc1', 'cccc2', 'bbbb', 'aaaa'].map((start, index) => ({
    digest: digest(start),
    installedS: 100 - index,
  })),
  currentRelease: digest('cccc2'),
  previousRelease: digest('bbbb'),
}

describe('a rollback', () => {
  it('goes to the previous release, or to the one that is named by its first digits', () => {
    expect(chooseRelease(holdings, undefined)).toBe(digest('bbbb'))
    expect(chooseRelease(holdings, 'aaaa')).toBe(digest('aaaa'))
    expect(chooseRelease(holdings, digest('cccc1'))).toBe(digest('cccc1'))
  })

  it.each([
    [
      'dddd',
      'there is no release dddd on this node; it holds cccc10000000, cccc20000000 (current), bbbb00000000 (previous), aaaa00000000',
    ],
    ['cccc', '2 releases on this node begin with cccc; it holds '],
  ])('refuses %s and says what there is', (wanted, message) => {
    expect(() => chooseRelease(holdings, wanted)).toThrow(
      expect.objectContaining({
        code: 'FLEET_ROLLBACK_NO_RELEASE',
        message: expect.stringContaining(message) as string,
      }) as Error,
    )
  })

  it('has nowhere to go on a first release, without any, and when the previous one is gone', () => {
    const because = (changes: Partial<Holdings>): string => {
      try {
        return chooseRelease({ ...holdings, ...changes }, undefined)
      } catch (error) {
        return error instanceof Error ? error.message : ''
      }
    }
    expect(because({ previousRelease: '' })).toMatch(/^there is no previous release on this node; it holds cccc1/)
    expect(because({ previousRelease: '', releases: [], currentRelease: '' })).toBe(
      'there is no previous release on this node; it holds none at all',
    )
    expect(because({ previousRelease: digest('eeee') })).toMatch(
      /^the previous release eeee00000000 is not on this node/,
    )
  })

  it('tells of many releases only the newest', () => {
    const releases = Array.from({ length: 20 }, (_, index) => ({ digest: digest(`f${index}`), installedS: index }))
    expect(() => chooseRelease({ ...holdings, releases }, 'dddd')).toThrow(/f70000000000 and 12 more$/)
  })

  it('names what is current and previous', () => {
    expect([digest('cccc2'), digest('bbbb'), digest('aaaa')].map((one) => labelOf(one, holdings))).toEqual([
      'cccc20000000 (current)',
      'bbbb00000000 (previous)',
      'aaaa00000000',
    ])
  })
})
