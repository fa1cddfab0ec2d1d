// How a pack is made smaller. The levels were measured on 90 MB of an ELF binary, one core here. Once for the whole fleet:
//   zstd  1: 0.5 s 36.7 MB   3: 0.8 s 32.2 MB   6: 1.6 s 30.1 MB   9: 2.4 s 28.7 MB   12: 5.1 s 28.4 MB
//   gzip  1: 1.4 s 38.0 MB   3: 1.7 s 36.9 MB   6: 2.8 s 35.1 MB
// The nodes wait until it is made. At 100 Mbit/s a node, or 1 Gbit/s for fifty, a higher level never wins back what it takes.
import type { Transform } from 'node:stream'
import { promisify } from 'node:util'
import { constants, createGzip, createZstdCompress, gzip, gzipSync, zstdCompress, zstdCompressSync } from 'node:zlib'
import type { Compression } from './pack.ts'

export type Compressed = Exclude<Compression, 'none'>

// The window of this level is 2 MiB: any `zstd -dc` reads it without --long, in little memory.
const ZSTD = { params: { [constants.ZSTD_c_compressionLevel]: 3 } }
/** For estimates: a third of the time, and what does not compress with it does not compress. */
const ZSTD_FAST = { params: { [constants.ZSTD_c_compressionLevel]: 1 } }
const GZIP = { level: 3 }
const CHUNK_BYTES = 128 * 1024

const compressors = { gzip: promisify(gzip), zstd: promisify(zstdCompress) }

export function createCompressor(compression: Compressed): Transform {
  return compression === 'zstd'
    ? createZstdCompress({ ...ZSTD, chunkSize: CHUNK_BYTES })
    : createGzip({ ...GZIP, chunkSize: CHUNK_BYTES })
}

/** As `createCompressor` does it, all at once. */
export function compress(bytes: Buffer, compression: Compressed): Promise<Buffer> {
  return compression === 'zstd' ? compressors.zstd(bytes, ZSTD) : compressors.gzip(bytes, GZIP)
}

/** The same on the spot, for a piece so small that nobody notices. Milliseconds of it tell what compressing costs, not how busy we are. */
export function compressNow(bytes: Buffer, compression: Compressed): Buffer {
  return compression === 'zstd' ? zstdCompressSync(bytes, ZSTD) : gzipSync(bytes, GZIP)
}

export function compressFast(bytes: Buffer): Promise<Buffer> {
  return compressors.zstd(bytes, ZSTD_FAST)
}
