// How long a node may be silent while it is put to work. A dead connection is noticed long before, by its keepalives: this is for
// nodes that hang.
const BASE_MS = 60_000
/** Of a disk that is slow and busy: a tree is read once to be verified, and what is still in memory is flushed to it. */
const BYTES_PER_MS = (5 * 1024 * 1024) / 1000

/** While a tree of so many bytes is received or verified. Milliseconds. */
export function verifyStallMs(treeBytes: number): number {
  return BASE_MS + Math.ceil(treeBytes / BYTES_PER_MS)
}

/** While it switches: old releases of very many files are removed then. Milliseconds. */
export const SWITCH_STALL_MS = 600_000
