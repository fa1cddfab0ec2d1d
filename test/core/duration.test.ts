// Durations and sizes as people write and read them.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatDuration, formatSize, parseDuration } from '../../src/core/index.ts'

describe('parseDuration', () => {
  it.each([
    ['0', 0],
    ['250ms', 250],
    ['30s', 30_000],
    ['5m', 300_000],
    ['1h30m', 5_400_000],
    ['2d', 172_800_000],
    ['1.5s', 1500],
    ['0.1ms', 0],
    ['0s', 0],
  ])('reads %s as %d ms', (text, durationMs) => {
    expect(parseDuration(text)).toBe(durationMs)
  })

  it.each(['', '30', '-1s', '1 h', 's', '1w', '1H', '1s ', '1s\n', '.5s', '1.s', '1e3s', '00', 'Infinity'])(
    'refuses %j instead of guessing',
    (text) => {
      expect(() => parseDuration(text)).toThrow(/^expected a duration such as 30s, 5m or 1h30m, got /)
    },
  )

  it('refuses what no clock could count', () => {
    expect(() => parseDuration(`${'9'.repeat(400)}d`)).toThrow(/^expected a duration of less than/)
  })
})

describe('formatDuration', () => {
  it.each([
    [0, '0ms'],
    [-5, '0ms'],
    [999.4, '999ms'],
    [999.6, '1s'],
    [1000, '1s'],
    [59_999, '1m'],
    [61_000, '1m 1s'],
    [3_600_000, '1h'],
    [3_605_000, '1h'],
    [90_061_000, '1d 1h'],
  ])('shows %d ms as %s', (durationMs, text) => {
    expect(formatDuration(durationMs)).toBe(text)
  })

  it('can be read back, and loses less than the smaller of its two units', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 400 * 86_400_000 }), (durationMs) => {
        const back = parseDuration(formatDuration(durationMs).replaceAll(' ', ''))
        expect(Math.abs(back - durationMs)).toBeLessThanOrEqual(Math.max(500, durationMs / 24))
      }),
    )
  })
})

describe('formatSize', () => {
  it.each([
    [0, '0 B'],
    [1023, '1023 B'],
    [1024, '1.0 KiB'],
    [1_048_575, '1.0 MiB'],
    [4_404_019, '4.2 MiB'],
    [2 ** 40, '1.0 TiB'],
    [5000 * 2 ** 40, '5000.0 TiB'],
  ])('shows %d bytes as %s', (sizeBytes, text) => {
    expect(formatSize(sizeBytes)).toBe(text)
  })
})
