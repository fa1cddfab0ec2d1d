// The lines of an import: plain (the whole line is the ID) or NDJSON ({"id", "payload"}). Pure and streaming: bytes go in, rows
// and refusals with their line numbers come out, and never more than one line is kept. A byte order mark at the start and
// CR before LF are tolerated, empty lines are skipped, and every other byte counts: a space at the end is part of the ID.
import { isUtf8 } from 'node:buffer'
import { parseId, whyNotAnId, type Id } from '../core/index.ts'
import { memberText } from './json-text.ts'
import { MAX_IMPORT_LINE_BYTES, MAX_JSON_TEXT_BYTES } from './limits.ts'

export type ImportFormat = 'plain' | 'ndjson'

export type ImportLine =
  | { readonly kind: 'row'; readonly line: number; readonly row: { readonly id: Id; readonly payload?: string } }
  | { readonly kind: 'rejected'; readonly line: number; readonly reason: string }

export interface ImportParser {
  /** The lines that end in this chunk. */
  push(chunk: Uint8Array): ImportLine[]
  /** The last line, if no LF ended it. */
  end(): ImportLine[]
}

const LF = 10
const CR = 13
const BOM = Buffer.from('\ufeff')

export function createImportParser(format: ImportFormat): ImportParser {
  let kept: Buffer[] = []
  let keptBytes = 0
  let line = 0

  function finish(rest: Buffer, found: ImportLine[]): void {
    line += 1
    const tooLong = keptBytes + rest.length > MAX_IMPORT_LINE_BYTES
    const bytes = kept.length === 0 || tooLong ? rest : Buffer.concat([...kept, rest])
    kept = []
    keptBytes = 0
    const read = tooLong
      ? refuse(line, `a line has at most ${MAX_IMPORT_LINE_BYTES} bytes`)
      : readLine(bytes, line, format)
    if (read !== undefined) found.push(read)
  }

  return {
    push(chunk) {
      const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
      const found: ImportLine[] = []
      let start = 0
      for (let at = bytes.indexOf(LF); at >= 0; at = bytes.indexOf(LF, start)) {
        finish(bytes.subarray(start, at), found)
        start = at + 1
      }
      if (start < bytes.length) {
        keptBytes += bytes.length - start
        // A line that is too long already is only counted until it ends.
        if (keptBytes > MAX_IMPORT_LINE_BYTES) kept = []
        else kept.push(Buffer.from(bytes.subarray(start)))
      }
      return found
    },
    end() {
      const found: ImportLine[] = []
      if (keptBytes > 0) finish(Buffer.alloc(0), found)
      return found
    },
  }
}

function readLine(raw: Buffer, line: number, format: ImportFormat): ImportLine | undefined {
  let bytes = raw
  if (line === 1 && bytes.subarray(0, BOM.length).equals(BOM)) bytes = bytes.subarray(BOM.length)
  if (bytes.at(-1) === CR) bytes = bytes.subarray(0, -1)
  if (bytes.length === 0) return undefined
  if (!isUtf8(bytes)) return refuse(line, 'a line must be valid UTF-8')
  const text = bytes.toString('utf8')
  return format === 'plain' ? readId(text, line) : readObject(text, line)
}

function readObject(text: string, line: number): ImportLine {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return refuse(line, 'a line must be one JSON object such as {"id":"user-1"}')
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return refuse(line, 'a line must be a JSON object')
  if (!('id' in value) || typeof value.id !== 'string') return refuse(line, '"id" must be there and be a string')
  for (const name of Object.keys(value)) {
    if (name !== 'id' && name !== 'payload')
      return refuse(line, `unknown key ${JSON.stringify(name.slice(0, 64))}; only "id" and "payload" are known`)
  }
  const payload = memberText(text, 'payload')
  if (payload !== undefined && Buffer.byteLength(payload) > MAX_JSON_TEXT_BYTES)
    return refuse(line, `a payload has at most ${MAX_JSON_TEXT_BYTES} bytes`)
  return readId(value.id, line, payload)
}

function readId(text: string, line: number, payload?: string): ImportLine {
  const reason = whyNotAnId(text)
  if (reason !== undefined) return refuse(line, reason)
  const id = parseId(text)
  return { kind: 'row', line, row: payload === undefined ? { id } : { id, payload } }
}

function refuse(line: number, reason: string): ImportLine {
  return { kind: 'rejected', line, reason }
}
