// A few lines at the end of a terminal that are drawn again and again in the same place. What always holds: between two pictures the cursor
// stands at the beginning of the empty line below, so whatever else is written there (a question) finds a line of its own,
// and when the picture has ended nothing of it is left.
import { stripVTControlCharacters } from 'node:util'

export interface Size {
  readonly columns: number
  readonly rows: number
}

export interface LivePicture {
  /** Draws what `lines` gives now and then, until the function returned is called (again does nothing). One picture at a time. */
  readonly show: (lines: (size: Size) => readonly string[]) => () => void
  /** Runs `write`, which writes whole lines to the same terminal: they go above the picture. */
  readonly above: (write: () => void) => void
}

/** Ten pictures a second look alive and cost nothing. */
const REDRAW_MS = 100
const CLEAR_LINE = '\u001b[K'
const CLEAR_BELOW = '\u001b[J'

export function createLivePicture(stream: NodeJS.WriteStream): LivePicture {
  let lines: ((size: Size) => readonly string[]) | undefined
  let drawn: readonly string[] = []

  function draw(): void {
    // A question holds the output, or the terminal is slower than we are: this picture is left out.
    if (lines === undefined || stream.writableCorked > 0 || stream.writableNeedDrain) return
    const next = lines(sizeOf(stream))
    if (next.length === drawn.length && next.every((line, index) => line === drawn[index])) return
    stream.write(`${back()}${next.map((line) => `${line}${CLEAR_LINE}\n`).join('')}${CLEAR_BELOW}`)
    drawn = next
  }

  function clear(): void {
    if (drawn.length > 0) stream.write(`${back()}${CLEAR_BELOW}`)
    drawn = []
  }

  /** To the beginning of the picture. In a window that became narrower, terminals break its lines anew. */
  function back(): string {
    const { columns } = sizeOf(stream)
    const rows = drawn.reduce((sum, line) => sum + Math.max(1, Math.ceil(widthOf(line) / columns)), 0)
    return rows === 0 ? '\r' : `\r\u001b[${rows}A`
  }

  return {
    show: (given) => {
      lines = given
      const timer = setInterval(draw, REDRAW_MS).unref()
      draw()
      return () => {
        clearInterval(timer)
        if (lines !== given) return
        clear()
        lines = undefined
      }
    },
    above: (write) => {
      clear()
      write()
      draw()
    },
  }
}

/** A terminal that does not know its size says 0. */
function sizeOf({ columns, rows }: NodeJS.WriteStream): Size {
  return { columns: columns > 0 ? columns : 80, rows: rows > 0 ? rows : 24 }
}

function widthOf(line: string): number {
  return stripVTControlCharacters(line).length
}
