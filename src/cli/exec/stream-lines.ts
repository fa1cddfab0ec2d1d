// Output that is shown as it comes: whole lines, each with the name of its node before it, never torn by another node's.
import type { OutputSink } from '../../fleet/index.ts'

export interface LineSink extends OutputSink {
  /** Gives the last lines, if they had no end. */
  readonly end: () => void
}

/** A line that is longer is shown in pieces of this size. Bytes. */
const MAX_LINE_BYTES = 64 * 1024

const NEWLINE = 0x0a

export function createLineSink(onLine: (stream: 'stdout' | 'stderr', line: Buffer) => void): LineSink {
  const stdout = createSplitter((line) => {
    onLine('stdout', line)
  })
  const stderr = createSplitter((line) => {
    onLine('stderr', line)
  })
  return {
    stdout: stdout.write,
    stderr: stderr.write,
    end: () => {
      stdout.end()
      stderr.end()
    },
  }
}

function createSplitter(onLine: (line: Buffer) => void): { write: (chunk: Buffer) => void; end: () => void } {
  let rest = Buffer.alloc(0)
  return {
    write: (chunk) => {
      let seen = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
      for (;;) {
        const at = seen.indexOf(NEWLINE)
        if (at === -1 && seen.length < MAX_LINE_BYTES) break
        const end = at === -1 || at > MAX_LINE_BYTES ? MAX_LINE_BYTES : at
        onLine(seen.subarray(0, end))
        seen = seen.subarray(end === at ? end + 1 : end)
      }
      rest = Buffer.from(seen)
    },
    end: () => {
      if (rest.length > 0) onLine(rest)
      rest = Buffer.alloc(0)
    },
  }
}
