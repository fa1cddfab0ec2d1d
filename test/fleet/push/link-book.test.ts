// What nodes of one network measured of their way is shared: a wave by its median, those who come later without measuring.
import { describe, expect, it } from 'vitest'
import { createLinkBook } from '../../../src/fleet/push/link-book.ts'

describe('a book of links', () => {
  it('gives all who measure at the same time the median of what they found, also the first one to finish', async () => {
    const book = createLinkBook()
    const slow = Promise.withResolvers<number>()
    const wave = [book.gain('a', async () => 9), book.gain('a', async () => 1), book.gain('a', () => slow.promise)]
    slow.resolve(2)
    expect(await Promise.all(wave)).toEqual([2, 2, 2])
  })

  it('lets nobody measure any more once ten have, but for another network', async () => {
    const book = createLinkBook()
    await Promise.all(Array.from({ length: 10 }, (_, index) => book.gain('a', async () => index)))
    let measured = 0
    const count = async (): Promise<number> => (measured += 1)
    expect(await book.gain('a', count)).toBe(5)
    expect(measured).toBe(0)
    expect(await book.gain('b', count)).toBe(1)
  })

  it('leaves out those that could not tell, and passes on what went wrong to its own node only', async () => {
    const book = createLinkBook()
    const failing = book.gain('a', () => Promise.reject(new Error('lost')))
    const others = [book.gain('a', async () => undefined), book.gain('a', async () => 3)]
    await expect(failing).rejects.toThrow('lost')
    expect(await Promise.all(others)).toEqual([undefined, 3])
  })
})
