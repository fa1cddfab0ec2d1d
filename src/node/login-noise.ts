// Login shells may print before they run what they are asked to: greetings, warnings, the output of a .bashrc. So every command
// for a node begins by printing a mark on both of its streams, and what comes before the mark is not its output. The mark has a
// control character (RS), which no echo of the command line has: there it is written in octal.
import { FleetError } from '../core/index.ts'

const MARK = '\u001efleet\u001e\n'

/** sh: prints the mark on stdout and on stderr. */
export const MARK_COMMAND = `printf '\\036fleet\\036\\n'; printf '\\036fleet\\036\\n' >&2`

/** What was printed before the mark, and what after it; `output` is undefined when there is no mark. */
export interface Printed {
  readonly noise: string
  readonly output: string | undefined
}

export function splitNoise(text: string): Printed {
  const at = text.indexOf(MARK)
  if (at === -1) return { noise: text, output: undefined }
  return { noise: text.slice(0, at), output: text.slice(at + MARK.length) }
}

export interface NoiseFilter {
  readonly write: (chunk: Buffer) => void
  /** The first bytes of the noise, at most `MAX_NOISE_BYTES`. */
  readonly noise: () => string
  /** Has the mark come? */
  readonly isPast: () => boolean
}

/** Of the noise that is kept to be shown. Bytes. */
const MAX_NOISE_BYTES = 4096
/** A login that prints more than this has no end that is worth waiting for. Bytes. */
const ENDLESS_NOISE_BYTES = 1024 * 1024

/**
 * The same for output that arrives in chunks: gives `onOutput` what follows the mark, however the chunks are cut. Memory stays
 * bounded. `write` throws FLEET_NODE_NOISE for a login that does not stop printing.
 */
export function createNoiseFilter(onOutput: (chunk: Buffer) => void): NoiseFilter {
  let isPast = false
  let noiseBytes = 0
  let kept = Buffer.alloc(0)
  let tail = Buffer.alloc(0)
  const keep = (noise: Buffer): void => {
    kept = Buffer.concat([kept, noise.subarray(0, MAX_NOISE_BYTES - kept.length)])
  }
  return {
    isPast: () => isPast,
    noise: () => Buffer.concat([kept, isPast ? Buffer.alloc(0) : tail]).toString('utf8'),
    write: (chunk) => {
      if (isPast) {
        onOutput(chunk)
        return
      }
      const seen = Buffer.concat([tail, chunk])
      const at = seen.indexOf(MARK)
      isPast = at !== -1
      // Without a mark its beginning may be at the end.
      const noiseEnd = isPast ? at : Math.max(0, seen.length - MARK.length + 1)
      keep(seen.subarray(0, noiseEnd))
      noiseBytes += noiseEnd
      if (!isPast && noiseBytes > ENDLESS_NOISE_BYTES) throw endlessError(kept.toString('utf8'))
      tail = seen.subarray(noiseEnd)
      const output = isPast ? seen.subarray(at + MARK.length) : tail.subarray(0, 0)
      if (output.length > 0) onOutput(output)
    },
  }
}

function endlessError(noise: string): FleetError {
  return new FleetError(
    'FLEET_NODE_NOISE',
    `expected the login shell to run sh, it printed more than ${ENDLESS_NOISE_BYTES} bytes first, beginning with ${JSON.stringify(noise.slice(0, 100))}`,
    { remedy: 'look at the startup files of the login shell there (.bashrc, .cshrc, config.fish)' },
  )
}
