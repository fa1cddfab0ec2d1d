// Where everything that a person or a program reads leaves the product. Results go to stdout, everything else to stderr.
import { styleText } from 'node:util'
import { createLivePicture, type LivePicture } from './live-picture.ts'

export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan'

export interface Output {
  readonly isJson: boolean
  /** Can live progress be drawn on stderr? */
  readonly isInteractive: boolean
  /** A line of the result. Nothing in --json mode. */
  readonly result: (line: string) => void
  /** The whole result as one JSON document. Nothing without --json. */
  readonly json: (document: object) => void
  /** A line about what is going on. */
  readonly note: (line: string) => void
  /** Keeps a picture below all lines, on stderr, until the function returned is called. Only when `isInteractive`. */
  readonly drawBelow: LivePicture['show']
  readonly style: (style: Style | Style[], text: string) => string
}

export interface OutputOptions {
  readonly json: boolean
  /** False for --no-color. The environment's NO_COLOR (no-color.org) and a stdout that is no terminal switch colours off too. */
  readonly color: boolean
}

export function createOutput(
  options: OutputOptions,
  streams: { stdout: NodeJS.WriteStream; stderr: NodeJS.WriteStream } = process,
): Output {
  const noColor = process.env['NO_COLOR']
  const hasColor = options.color && (noColor === undefined || noColor === '') && streams.stdout.isTTY
  const picture = createLivePicture(streams.stderr)
  return {
    isJson: options.json,
    isInteractive: streams.stderr.isTTY && process.env['TERM'] !== 'dumb' && process.env['CI'] === undefined,
    result: (line) => {
      if (!options.json)
        picture.above(() => {
          streams.stdout.write(`${line}\n`)
        })
    },
    json: (document) => {
      if (options.json) streams.stdout.write(`${JSON.stringify(document)}\n`)
    },
    note: (line) => {
      picture.above(() => {
        streams.stderr.write(`${line}\n`)
      })
    },
    drawBelow: picture.show,
    style: (style, text) => (hasColor ? styleText(style, text, { validateStream: false }) : text),
  }
}
