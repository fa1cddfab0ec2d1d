// Whether a pack goes to a node compressed. On a slow link that saves most of the time; on a fast one unpacking costs more than it saves, and the
// node has to wait until the pack is made. So the way to the node is measured with a sample, both ways, and not taken from a table.
import type { Connection } from '../../ssh/index.ts'
import type { Compressed } from './compressor.ts'
import { startProbe, type Probe } from './link-probe.ts'
import { contentBytesOf, type Compression, type PackMember } from './pack.ts'
import type { Packs } from './packs.ts'

export interface ChoiceOptions {
  readonly signal?: AbortSignal
  /** How often, one after the other, a node will wait for this pack: nodes by parallel pushes. All of them share what making it costs. From 1, the default. */
  readonly rounds?: number
}

/** Compressed must be so much faster than plain. On a link that is faster than the processors both take about the same time, and what is sent plain needs nothing made. */
const MIN_GAIN = 1.4
/** Less is not worth a thought: it leaves at once. */
const MIN_CONTENT_BYTES = 256 * 1024
/** Less than a tenth is lost again in unpacking. */
const MAX_RATIO = 0.9
/**
 * Less is compressed without measuring. Measuring costs the node two or three processes and some 30 ms; compressing wrongly costs once 150 ms for
 * all nodes together, not compressing wrongly seconds for each on a slow link.
 */
const MIN_MEASURED_BYTES = 16 * 1024 * 1024

/** Larger than what a shaped link lets through at once (some 100 KiB). */
const FIRST_SAMPLE_BYTES = 512 * 1024
const MAX_SAMPLE_BYTES = 4 * 1024 * 1024
/** Of the content, so that measuring costs little of what it may save. */
const MAX_SAMPLE_SHARE = 1 / 32
/** A sample that takes less tells more of starting processes than of the link. */
const TELLING_MS = 150

/**
 * How these members get to this node soonest. `decompressors`: what the node has. Measures over `connection` where it may
 * matter: with at most a tenth of the content and 8 MiB.
 * Throws FLEET_SSH_* when the connection fails, FLEET_RELEASE_CHANGED.
 */
export async function chooseCompression(
  connection: Connection,
  packs: Packs,
  members: readonly PackMember[],
  decompressors: readonly Compressed[],
  options: ChoiceOptions = {},
): Promise<Compression> {
  const compression = decompressors.includes('zstd') ? 'zstd' : decompressors[0]
  const contentBytes = contentBytesOf(members)
  if (compression === undefined || contentBytes < MIN_CONTENT_BYTES) return 'none'
  if ((await packs.estimateRatio(members)) > MAX_RATIO) return 'none'
  if (contentBytes < MIN_MEASURED_BYTES) return compression
  let timing: Timing | undefined
  const gain = await packs.links.gain(`${compression} ${networkOf(connection)}`, async () => {
    timing = await measure(connection, packs, members, compression, options.signal)
    return timing === undefined ? undefined : timing.plainMs / timing.compressedMs
  })
  if (gain === undefined || gain < MIN_GAIN) return 'none'
  // The others of its network have measured.
  if (timing === undefined) return compression
  const sharedMs = packs.isMade(members, compression)
    ? 0
    : ((await packs.timeCompression(members, compression)) * contentBytes) / (options.rounds ?? 1)
  const savedMs = (timing.plainMs * (1 - 1 / gain) * contentBytes) / timing.sizeBytes
  return savedMs > sharedMs ? compression : 'none'
}

/** Nodes behind the same hops, whose addresses begin alike, are taken to have the same way. */
function networkOf({ facts, node }: Connection): string {
  if (facts === undefined) return node
  const { ip, address, via } = facts
  return [...via, (ip ?? address).replace(/[.:][^.:]*[.:][^.:]*$/, '')].join(' ')
}

/** Milliseconds to get the same `sizeBytes` of content to the node, either way. */
interface Timing {
  readonly sizeBytes: number
  readonly plainMs: number
  readonly compressedMs: number
}

/** Undefined when what the node unpacked is not what was packed. */
async function measure(
  connection: Connection,
  packs: Packs,
  members: readonly PackMember[],
  compression: Compressed,
  outer: AbortSignal | undefined,
): Promise<Timing | undefined> {
  const leaving = new AbortController()
  const signal = outer === undefined ? leaving.signal : AbortSignal.any([outer, leaving.signal])
  const probe = (way: Compression): Probe => startProbe(connection, way, signal)
  try {
    const [first, packed, second] = [probe('none'), probe(compression), probe('none')]
    const small = await packs.takeSample(members, compression, FIRST_SAMPLE_BYTES)
    const firstMs = await first.measure(small.content, small.content.length)
    const sizeBytes = tellingSize(firstMs ?? Infinity, contentBytesOf(members))
    const isTelling = sizeBytes <= FIRST_SAMPLE_BYTES
    const sample = isTelling ? small : await packs.takeSample(members, compression, sizeBytes)
    // Where many nodes share a processor, those that measure last meet the least resistance: not what has to prove itself.
    const compressedMs = await packed.measure(sample.compressed, sample.content.length)
    const plainMs = isTelling ? firstMs : await second.measure(sample.content, sample.content.length)
    if (plainMs === undefined || compressedMs === undefined) return undefined
    return { sizeBytes: sample.content.length, plainMs, compressedMs }
  } finally {
    leaving.abort()
  }
}

/** A power of two, so that nodes with links like each other's share their samples. */
function tellingSize(firstMs: number, contentBytes: number): number {
  const wantedBytes = (FIRST_SAMPLE_BYTES * TELLING_MS) / Math.max(firstMs, 1)
  const limitBytes = Math.min(wantedBytes, MAX_SAMPLE_BYTES, contentBytes * MAX_SAMPLE_SHARE)
  return 2 ** Math.round(Math.log2(limitBytes))
}
