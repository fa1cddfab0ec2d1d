// Bytes that a node took are counted when they were taken, whatever becomes of the rest.
import { randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { createWire } from '../../../src/fleet/push/wire.ts'

const bytes = randomBytes(1_000_000)

async function drained(stream: Readable): Promise<Buffer> {
  return Buffer.concat((await stream.toArray()) as Buffer[])
}

describe('the wire', () => {
  it('passes on the bytes of buffers and streams as they are, and counts all of them', async () => {
    const wire = createWire(undefined)
    expect((await drained(wire.count(bytes))).equals(bytes)).toBe(true)
    expect((await drained(wire.count(Readable.from([bytes, bytes])))).length).toBe(2_000_000)
    expect((await drained(wire.count(Buffer.alloc(0)))).length).toBe(0)
    expect(wire.sentBytes).toBe(3_000_000)
  })

  it('tells no more often than a display needs, and always the end', async () => {
    const heard: (readonly [number, number])[] = []
    const wire = createWire((sent, of) => heard.push([sent, of]))
    wire.expect(500_000)
    wire.expect(500_000)
    await drained(
      wire.count(Readable.from(Array.from({ length: 10_000 }, (_, at) => bytes.subarray(at * 100, at * 100 + 100)))),
    )
    expect(heard.length).toBeLessThanOrEqual(201)
    expect(heard.at(-1)).toEqual([1_000_000, 1_000_000])
    expect(heard.every(([, of]) => of === 1_000_000)).toBe(true)
  })

  it('knows what was taken when the reader went away, and lets go of the source', async () => {
    const heard: number[] = []
    const wire = createWire((sent) => heard.push(sent))
    wire.expect(100 * bytes.length)
    const source = Readable.from(Array.from({ length: 100 }, () => bytes))
    for await (const piece of wire.count(source)) {
      expect(piece).toBe(bytes)
      if (wire.sentBytes >= 3 * bytes.length) break
    }
    expect(source.destroyed).toBe(true)
    expect(heard.at(-1)).toBe(wire.sentBytes)
    expect(wire.sentBytes).toBeLessThan(10 * bytes.length)
  })

  it('passes on what went wrong with the source', async () => {
    const wire = createWire(undefined)
    const broken = new Error('the disk here')
    const source = new Readable({
      read() {
        this.destroy(broken)
      },
    })
    await expect(drained(wire.count(source))).rejects.toBe(broken)
  })
})
