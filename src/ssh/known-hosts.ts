// The lines of known_hosts, to be asked by name. Pure: text in, lines out. A run asks files of ten thousand lines for
// hundreds of names: plain names are found in a map, only wildcards and hashed names are gone through, only the lines about
// a name are parsed in full, and no name is looked up twice.
import { isHashOf, parseHashedName, type HashedName } from './hashed-name.ts'
import { hostName } from './host-name.ts'
import { matchesPatterns } from './host-pattern.ts'
import {
  namesOfLine,
  parseKnownHostsLine,
  renderKnownHostsLine,
  type BrokenLine,
  type KnownHostsLine,
} from './known-hosts-line.ts'

export interface KnownHosts {
  /** Everything about one name, in lower case (see hostNames). Only this very name counts. */
  about(name: string): LinesAbout
}

export interface LinesAbout {
  /** In the order of the file. */
  readonly lines: readonly KnownHostsLine[]
  /** Lines that could not be read. They trust nobody, and their names gain no new key before somebody has mended them. */
  readonly broken: readonly BrokenLine[]
}

/** Never throws, whatever the text. `file`: for messages. */
export function parseKnownHosts(text: string, file: string): KnownHosts {
  const { plain, patterns, hashed } = indexOf(text)
  const known = new Map<string, LinesAbout>()

  const find = (name: string): LinesAbout => {
    const bytes = Buffer.from(name)
    const found = [
      ...(plain.get(name) ?? []),
      ...patterns.filter((line) => matchesPatterns(line.patterns, name)),
      ...hashed.filter((line) => isHashOf(line.hashed, bytes)),
    ].toSorted((a, b) => a.number - b.number)
    const parsed = found.map(({ text, number }) => parseKnownHostsLine(text, file, number))
    return { lines: parsed.filter(isSound), broken: parsed.filter(isBroken) }
  }

  return {
    about: (name) => {
      const lines = known.get(name) ?? find(name)
      known.set(name, lines)
      return lines
    },
  }
}

/** Several files as one, in this order. */
export function joinKnownHosts(files: readonly KnownHosts[]): KnownHosts {
  return {
    about: (name) => {
      const all = files.map((file) => file.about(name))
      return { lines: all.flatMap(({ lines }) => lines), broken: all.flatMap(({ broken }) => broken) }
    },
  }
}

/** A line to add for a server, without a newline. */
export function knownHostsLine(address: string, port: number, blob: Buffer): string {
  return renderKnownHostsLine(hostName(address, port), blob)
}

interface Line {
  readonly number: number
  readonly text: string
}

interface Index {
  readonly plain: ReadonlyMap<string, readonly Line[]>
  readonly patterns: readonly (Line & { readonly patterns: readonly string[] })[]
  readonly hashed: readonly (Line & { readonly hashed: HashedName })[]
}

function indexOf(text: string): Index {
  const plain = new Map<string, Line[]>()
  const patterns: Index['patterns'][number][] = []
  const hashed: Index['hashed'][number][] = []
  for (const [index, raw] of text.split('\n').entries()) {
    const line = { number: index + 1, text: raw.trim() }
    const names = namesOfLine(line.text)
    if (names === undefined) continue
    if (names.startsWith('|')) {
      const name = parseHashedName(names)
      if (name !== undefined) hashed.push({ ...line, hashed: name })
    } else if (/[*?!]/.test(names)) {
      patterns.push({ ...line, patterns: names.toLowerCase().split(',') })
    } else {
      for (const name of new Set(names.toLowerCase().split(','))) {
        const lines = plain.get(name)
        if (lines === undefined) plain.set(name, [line])
        else lines.push(line)
      }
    }
  }
  return { plain, patterns, hashed }
}

function isBroken(line: KnownHostsLine | BrokenLine): line is BrokenLine {
  return 'why' in line
}

function isSound(line: KnownHostsLine | BrokenLine): line is KnownHostsLine {
  return !isBroken(line)
}
