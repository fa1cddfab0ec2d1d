// The head of an ELF file: for which machine it is, and which dynamic loader it asks for (elf(5); limits as in Linux's fs/binfmt_elf.c).
// Hostile bytes give undefined, never an error, and never a look at more than a few kilobytes.
import { machineName, type Machine } from './machines.ts'

/** Up to `length` bytes from `offset` on; fewer at the end of the file. */
export type BytesAt = (offset: number, length: number) => Buffer

export interface Elf {
  readonly machine: Machine
  /** The absolute path of the dynamic loader; undefined for a static program. */
  readonly loader: string | undefined
  /** Made to be loaded by a program, not to be run: no loader, and it may lie at any address. (A static PIE looks alike.) */
  readonly mayBeLibrary: boolean
}

const HEADER_BYTES = 64
/** Linux refuses program headers of more than this together (load_elf_phdrs). */
const MAX_PROGRAM_HEADERS_BYTES = 65_536
const PATH_MAX = 4096
const ET_EXEC = 2
const ET_DYN = 3
const PT_INTERP = 3
const ELFOSABI_NONE = 0
const ELFOSABI_GNU = 3

/** Undefined for anything but a program or shared library for Linux on a machine that fleet knows. */
export function parseElf(bytesAt: BytesAt): Elf | undefined {
  const header = bytesAt(0, HEADER_BYTES)
  if (header.length < 52 || header.readUInt32BE(0) !== 0x7f454c46) return undefined
  const is64 = header[4] === 2
  const isLittle = header[5] === 1
  if ((!is64 && header[4] !== 1) || (!isLittle && header[5] !== 2) || (is64 && header.length < HEADER_BYTES))
    return undefined
  if (header[7] !== ELFOSABI_NONE && header[7] !== ELFOSABI_GNU) return undefined
  const read = reader(header, isLittle)
  const type = read.u16(16)
  const machine = machineName(read.u16(18), is64, isLittle)
  if (machine === undefined || (type !== ET_EXEC && type !== ET_DYN)) return undefined
  const loader = loaderOf(bytesAt, is64, isLittle, {
    offset: is64 ? read.u64(32) : read.u32(28),
    size: read.u16(is64 ? 54 : 42),
    count: read.u16(is64 ? 56 : 44),
  })
  return { machine, loader, mayBeLibrary: type === ET_DYN && loader === undefined }
}

interface Table {
  readonly offset: number
  /** Of one entry, in bytes. */
  readonly size: number
  readonly count: number
}

function loaderOf(bytesAt: BytesAt, is64: boolean, isLittle: boolean, table: Table): string | undefined {
  if (table.size !== (is64 ? 56 : 32) || table.size * table.count > MAX_PROGRAM_HEADERS_BYTES) return undefined
  const headers = bytesAt(table.offset, table.size * table.count)
  const read = reader(headers, isLittle)
  for (let at = 0; at + table.size <= headers.length; at += table.size) {
    if (read.u32(at) !== PT_INTERP) continue
    const offset = is64 ? read.u64(at + 8) : read.u32(at + 4)
    const length = is64 ? read.u64(at + 32) : read.u32(at + 16)
    if (length < 2 || length > PATH_MAX) return undefined
    const name = bytesAt(offset, length)
    const end = name.indexOf(0)
    return end > 0 && name[0] === 0x2f ? name.toString('utf8', 0, end) : undefined
  }
  return undefined
}

function reader(
  bytes: Buffer,
  isLittle: boolean,
): { u16(at: number): number; u32(at: number): number; u64(at: number): number } {
  return {
    u16: (at) => (isLittle ? bytes.readUInt16LE(at) : bytes.readUInt16BE(at)),
    u32: (at) => (isLittle ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at)),
    // An offset that no number holds exactly lies behind the end of every file.
    u64: (at) => Number(isLittle ? bytes.readBigUInt64LE(at) : bytes.readBigUInt64BE(at)),
  }
}
