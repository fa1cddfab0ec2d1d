// What login shells print before a command, told apart from what the command prints, however it is cut into chunks.
import { describe, expect, test } from 'vitest'
import { createNoiseFilter } from '../../src/node/index.ts'

const MARK = '\u001efleet\u001e\n'

describe('a noise filter', () => {
  test('finds the mark wherever the chunks are cut, and the first mark only', () => {
    const whole = Buffer.from(`Welcome \u001efle\n${MARK}one\n${MARK}two`)
    for (let size = 1; size <= whole.length; size += 1) {
      const got: Buffer[] = []
      const filter = createNoiseFilter((chunk) => got.push(chunk))
      for (let at = 0; at < whole.length; at += size) filter.write(whole.subarray(at, at + size))
      expect(Buffer.concat(got).toString()).toBe(`one\n${MARK}two`)
      expect(filter).toSatisfy(() => filter.isPast() && filter.noise() === 'Welcome \u001efle\n')
    }
  })

  test('keeps everything as noise, up to its limit, when no mark comes', () => {
    const filter = createNoiseFilter(() => {
      throw new Error('nothing of it is output')
    })
    filter.write(Buffer.from('This account is currently not available.\n'))
    expect(filter.isPast()).toBe(false)
    expect(filter.noise()).toBe('This account is currently not available.\n')
  })

  test('gives up on a login that prints without end', () => {
    const filter = createNoiseFilter(() => undefined)
    const write = (): void => {
      for (let count = 0; count < 100; count += 1) filter.write(Buffer.alloc(65_536, 'y\n'))
    }
    expect(write).toThrow(expect.objectContaining({ code: 'FLEET_NODE_NOISE' }) as Error)
  })
})
