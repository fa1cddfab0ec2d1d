// The headers of a tar archive. Format: POSIX.1-1988 ustar. A name or a target that does not fit goes ahead as GNU tar's LongLink
// entry, a size that does not fit is base-256 (GNU tar manual, "Extensions to the Archive Format"): busybox tar reads these,
// but skips pax headers.

const BLOCK_BYTES = 512
/** Two empty blocks end an archive. */
export const END_BYTES = 2 * BLOCK_BYTES

const NAME_BYTES = 100
const MAX_OCTAL_SIZE = 0o77777777777
/** What tar programs print for a symbolic link; nobody uses it. */
const LINK_MODE = 0o777

/** Everything that stands before a file's content. `mode` is octal, for example 0o444. */
export function fileHeader(path: string, mode: number, sizeBytes: number): Buffer {
  return Buffer.concat([...longText(path, 'L'), header({ path, mode, sizeBytes, type: '0' })])
}

/** A whole symbolic link; it has no content. `target` is not looked at. */
export function linkHeader(path: string, target: string): Buffer {
  const link = header({ path, mode: LINK_MODE, sizeBytes: 0, type: '2', target })
  return Buffer.concat([...longText(target, 'K'), ...longText(path, 'L'), link])
}

/** What fills the last block of a content of `sizeBytes`. */
export function paddingBytes(sizeBytes: number): number {
  return (BLOCK_BYTES - (sizeBytes % BLOCK_BYTES)) % BLOCK_BYTES
}

function longText(text: string, type: 'K' | 'L'): Buffer[] {
  if (Buffer.byteLength(text) <= NAME_BYTES) return []
  const bytes = Buffer.from(`${text}\0`)
  const before = header({ path: '././@LongLink', mode: 0, sizeBytes: bytes.length, type })
  return [before, bytes, Buffer.alloc(paddingBytes(bytes.length))]
}

interface Header {
  readonly path: string
  readonly mode: number
  readonly sizeBytes: number
  /** A file, a symbolic link, a long target, a long name. */
  readonly type: '0' | '2' | 'K' | 'L'
  readonly target?: string
}

function header({ path, mode, sizeBytes, type, target = '' }: Header): Buffer {
  const block = Buffer.alloc(BLOCK_BYTES)
  // What does not fit is cut here: the LongLink entry before it counts.
  Buffer.from(path).copy(block, 0, 0, NAME_BYTES)
  writeOctal(block, 100, 8, mode)
  writeOctal(block, 108, 8, 0)
  writeOctal(block, 116, 8, 0)
  writeSize(block, sizeBytes)
  writeOctal(block, 136, 12, 0)
  block.fill(0x20, 148, 156)
  block.write(type, 156)
  Buffer.from(target).copy(block, 157, 0, NAME_BYTES)
  block.write('ustar\0' + '00', 257)
  let sum = 0
  for (const byte of block) sum += byte
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return block
}

function writeSize(block: Buffer, sizeBytes: number): void {
  if (sizeBytes <= MAX_OCTAL_SIZE) {
    writeOctal(block, 124, 12, sizeBytes)
    return
  }
  block[124] = 0x80
  block.writeBigUInt64BE(BigInt(sizeBytes), 128)
}

function writeOctal(block: Buffer, offset: number, width: number, value: number): void {
  block.write(`${value.toString(8).padStart(width - 1, '0')}\0`, offset)
}
