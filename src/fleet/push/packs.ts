// Every pack is made once, whoever asks first, and stays for those who ask later. What always holds: all packs together keep no more than
// MEMORY_BYTES in memory, however many different ones the nodes need; the others are read from the disk each time they are sent.
import { pipeline } from 'node:stream/promises'
import { FleetError } from '../../core/index.ts'
import { archive, sizeOfArchive } from './archive.ts'
import { createCompressor, type Compressed } from './compressor.ts'
import { createLinkBook, type LinkBook } from './link-book.ts'
import { memberKey } from './member-key.ts'
import { contentBytesOf, type Compression, type Pack, type PackMember } from './pack.ts'
import { estimateRatio, takeSample, timeCompression, type Sample } from './sample.ts'
import { spool, type Spool } from './spool.ts'
import { streamOf } from './stream-of.ts'

export interface Packs {
  /** The same members and compression give the same pack, made once, whoever asks first. Throws FLEET_RELEASE_CHANGED when a file is not as it was, FLEET_RELEASE_SPOOL when there is no room here. */
  pack(members: readonly PackMember[], compression: Compression): Promise<Pack>
  /** True when `pack` would answer at once. */
  isMade(members: readonly PackMember[], compression: Compression): boolean
  /** See sample.ts. Estimated once for the same members. */
  estimateRatio(members: readonly PackMember[]): Promise<number>
  /** See sample.ts. Taken once for the same members, compression and size. */
  takeSample(members: readonly PackMember[], compression: Compressed, sizeBytes: number): Promise<Sample>
  /** See sample.ts. Measured once for the same members and compression. */
  timeCompression(members: readonly PackMember[], compression: Compressed): Promise<number>
  /** What is known of the ways to the nodes. */
  readonly links: LinkBook
  /** Removes what lies on the disk, and ends what is being made. May be called twice. */
  close(): Promise<void>
}

const MEMORY_BYTES = 64 * 1024 * 1024

/** Nodes that lack the same things ask at about the same time; those that lack others must not fill the memory. */
const KEPT_SAMPLES = 6

export interface PacksOptions {
  /** Where large compressed packs lie; created (0700) when the first one is made. */
  readonly folder: string
  /** Default 64 MiB. */
  readonly memoryBytes?: number
}

export function createPacks({ folder, memoryBytes = MEMORY_BYTES }: PacksOptions): Packs {
  const closing = new AbortController()
  const packs = createCache<Pack>()
  const ratios = createCache<number>()
  const times = createCache<number>()
  const samples = createCache<Sample>(KEPT_SAMPLES)
  const made = new Set<string>()
  const spools: Spool[] = []
  let freeBytes = memoryBytes

  const keep = async <Value>(reservedBytes: number, make: () => Promise<[Value, number]>): Promise<Value> => {
    freeBytes -= reservedBytes
    let keptBytes = 0
    try {
      const [value, sizeBytes] = await make()
      keptBytes = sizeBytes
      return value
    } finally {
      freeBytes += reservedBytes - keptBytes
    }
  }

  const plain = async (members: readonly PackMember[]): Promise<Content> => {
    const sizeBytes = sizeOfArchive(members)
    if (sizeBytes > freeBytes) return { sizeBytes, open: () => streamOf(archive(members)) }
    return keep(sizeBytes, async () => {
      const [whole] = await collect(archive(members, sizeBytes))
      const bytes = whole ?? Buffer.alloc(0)
      return [{ sizeBytes, open: () => bytes }, sizeBytes]
    })
  }

  const compressed = async (members: readonly PackMember[], compression: Compressed): Promise<Content> => {
    const sizeBytes = sizeOfArchive(members)
    const through = <Value>(drain: (chunks: AsyncIterable<Buffer>) => Promise<Value>): Promise<Value> =>
      compressInto(members, compression, closing.signal, drain)
    if (sizeBytes > freeBytes) {
      const spooled = await through((chunks) => spool(folder, chunks))
      spools.push(spooled)
      return spooled
    }
    return keep(sizeBytes, async () => {
      const chunks = await through(collect)
      const keptBytes = chunks.reduce((total, chunk) => total + chunk.length, 0)
      return [{ sizeBytes: keptBytes, open: () => streamOf(chunks) }, keptBytes]
    })
  }

  return {
    pack: (members, compression) => {
      const key = `${compression} ${memberKey(members)}`
      return packs.get(key, async () => {
        closing.signal.throwIfAborted()
        const content = compression === 'none' ? await plain(members) : await compressed(members, compression)
        made.add(key)
        return { compression, contentBytes: contentBytesOf(members), ...content }
      })
    },
    isMade: (members, compression) => made.has(`${compression} ${memberKey(members)}`),
    estimateRatio: (members) => ratios.get(memberKey(members), () => estimateRatio(members)),
    takeSample: (members, compression, sizeBytes) =>
      samples.get(`${compression} ${sizeBytes} ${memberKey(members)}`, () =>
        takeSample(members, compression, sizeBytes),
      ),
    timeCompression: (members, compression) =>
      times.get(`${compression} ${memberKey(members)}`, () => timeCompression(members, compression)),
    links: createLinkBook(),
    close: async () => {
      closing.abort(new FleetError('FLEET_SSH_ABORTED', 'the push was given up before its pack was made'))
      await packs.settled()
      await Promise.all(spools.splice(0).map((spooled) => spooled.close()))
    },
  }
}

type Content = Pick<Pack, 'sizeBytes' | 'open'>

async function compressInto<Value>(
  members: readonly PackMember[],
  compression: Compressed,
  signal: AbortSignal,
  drain: (chunks: AsyncIterable<Buffer>) => Promise<Value>,
): Promise<Value> {
  let draining: Promise<Value> | undefined
  try {
    await pipeline(
      archive(members),
      createCompressor(compression),
      async (chunks: AsyncIterable<Buffer>) => {
        draining = drain(chunks)
        await draining
      },
      { signal },
    )
  } catch (error) {
    // A pipeline does not wait for its last step when it is given up.
    await Promise.allSettled([draining])
    throw signal.aborted ? signal.reason : error
  }
  if (draining === undefined) throw new Error('a pipeline ended well without its last step')
  return draining
}

async function collect(chunks: AsyncIterable<Buffer>): Promise<Buffer[]> {
  const all: Buffer[] = []
  for await (const chunk of chunks) all.push(chunk)
  return all
}

interface Cache<Value> {
  /** What fails is forgotten, so that it can be tried again. */
  get(key: string, make: () => Promise<Value>): Promise<Value>
  /** Until nothing is being made any more. Never throws. */
  settled(): Promise<void>
}

function createCache<Value>(limit = Infinity): Cache<Value> {
  const values = new Map<string, Promise<Value>>()
  return {
    get: (key, make) => {
      const known = values.get(key)
      if (known !== undefined) return known
      const [oldest] = values.keys()
      if (oldest !== undefined && values.size >= limit) values.delete(oldest)
      const value = make()
      values.set(key, value)
      value.catch(() => {
        if (values.get(key) === value) values.delete(key)
      })
      return value
    },
    settled: async () => {
      await Promise.allSettled(values.values())
    },
  }
}
