// A little of a pack, to judge the whole by: blocks at even distances over all of its content, so that every file counts by its size.
import { compress, compressFast, compressNow, type Compressed } from './compressor.ts'
import { contentBytesOf, type PackMember } from './pack.ts'
import { readPieces } from './source.ts'

export interface Sample {
  readonly content: Buffer
  readonly compressed: Buffer
}

const BLOCK_BYTES = 64 * 1024
/** Tells what compresses from what does not within 5 ms. */
const ESTIMATE_BYTES = 16 * BLOCK_BYTES
/** Takes 1 ms by zstd, 3 ms by gzip. */
const TIMED_BYTES = 2 * BLOCK_BYTES
const TIMED_PIECES = 4

/** Compressed size by plain size: 0.3 for programs, 1 for what is compressed already or empty. Throws FLEET_RELEASE_CHANGED. */
export async function estimateRatio(members: readonly PackMember[]): Promise<number> {
  const content = await readEvenly(members, ESTIMATE_BYTES)
  if (content.length === 0) return 1
  return Math.min(1, (await compressFast(content)).length / content.length)
}

/** `sizeBytes` of the content, or all of it where there is not so much. Throws FLEET_RELEASE_CHANGED. */
export async function takeSample(
  members: readonly PackMember[],
  compression: Compressed,
  sizeBytes: number,
): Promise<Sample> {
  const content = await readEvenly(members, sizeBytes)
  return { content, compressed: await compress(content, compression) }
}

/** Milliseconds for a byte of this content, here and now. The fastest of a few, because mostly it is something short that disturbs. */
export async function timeCompression(members: readonly PackMember[], compression: Compressed): Promise<number> {
  const content = await readEvenly(members, TIMED_PIECES * TIMED_BYTES)
  let fastestMs = Infinity
  for (let at = 0; at < content.length; at += TIMED_BYTES) {
    const piece = content.subarray(at, at + TIMED_BYTES)
    const startedMs = performance.now()
    compressNow(piece, compression)
    fastestMs = Math.min(fastestMs, (performance.now() - startedMs) / piece.length)
  }
  return content.length === 0 ? 0 : fastestMs
}

async function readEvenly(members: readonly PackMember[], limitBytes: number): Promise<Buffer> {
  const contentBytes = contentBytesOf(members)
  const sample = Buffer.allocUnsafeSlow(Math.min(limitBytes, contentBytes))
  const blocks = Math.ceil(sample.length / BLOCK_BYTES)
  // Where, in all contents one after the other, the byte of the sample comes from; blocks do not overlap.
  const positionOf = (block: number): number => Math.floor((block * (contentBytes - sample.length)) / blocks)
  let memberAt = 0
  let sampleAt = 0
  for (const member of members) {
    if (!('content' in member)) continue
    const pieces: { target: Buffer; position: number }[] = []
    for (const memberEnd = memberAt + member.sizeBytes; sampleAt < sample.length;) {
      const block = Math.floor(sampleAt / BLOCK_BYTES)
      const from = positionOf(block) + sampleAt
      if (from >= memberEnd) break
      const blockEnd = Math.min(sample.length, (block + 1) * BLOCK_BYTES)
      const bytes = Math.min(blockEnd - sampleAt, memberEnd - from)
      pieces.push({ target: sample.subarray(sampleAt, sampleAt + bytes), position: from - memberAt })
      sampleAt += bytes
    }
    memberAt += member.sizeBytes
    if (pieces.length > 0) await fill(member.content, pieces)
  }
  return sample
}

async function fill(
  content: Buffer | { readonly file: string; readonly fromByte?: number },
  pieces: readonly { readonly target: Buffer; readonly position: number }[],
): Promise<void> {
  if (Buffer.isBuffer(content)) {
    for (const { target, position } of pieces) content.copy(target, 0, position)
    return
  }
  const { file, fromByte = 0 } = content
  await readPieces(
    file,
    pieces.map(({ target, position }) => ({ target, position: position + fromByte })),
  )
}
