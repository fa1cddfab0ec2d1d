// application/x-www-form-urlencoded for shell clients: `curl --data-urlencode 'error.message=...'`. Dots nest, and the
// fields that are numbers or booleans become such, so that the same schema checks a form and a JSON body.
import { isUtf8 } from 'node:buffer'
import { badRequest } from './bad-request.ts'

const NUMBERS = new Set(['fence', 'wait_ms', 'delay_ms'])
const BOOLEANS = new Set(['permanent'])
const NESTED = new Set(['next', 'error'])
/** What a program wrote before it died may be any bytes; they must not make its failure report fail. */
const LENIENT = new Set(['error.message'])

interface Fields {
  [name: string]: string | number | boolean | Fields
}

/** The nested object that a form body means. Bytes that are not UTF-8 are refused, but replaced by U+FFFD in `error.message`. Throws FLEET_PROTOCOL_BAD_REQUEST. */
export function decodeForm(bytes: Buffer): unknown {
  const fields: Fields = {}
  // Latin-1 keeps every byte, whether the client percent-encoded it or not.
  for (const pair of bytes.toString('latin1').split('&')) {
    if (pair === '') continue
    const equals = pair.indexOf('=')
    const name = decodeText(equals < 0 ? pair : pair.slice(0, equals), 'body')
    setField(fields, name, decodeText(equals < 0 ? '' : pair.slice(equals + 1), name))
  }
  return fields
}

function setField(fields: Fields, name: string, text: string): void {
  // Assigning it would not make a field.
  if (name === '__proto__') throw badRequest(`${name}: unknown field`)
  const dot = name.indexOf('.')
  const outer = name.slice(0, Math.max(dot, 0))
  if (dot < 0 || !NESTED.has(outer)) {
    if (Object.hasOwn(fields, name)) throw badRequest(`${name}: expected it once, found it twice`)
    fields[name] = typed(name, text)
    return
  }
  const inner = (fields[outer] ??= {})
  if (typeof inner !== 'object') throw badRequest(`${outer}: expected either it or its parts, found both`)
  const leaf = name.slice(dot + 1)
  if (Object.hasOwn(inner, leaf)) throw badRequest(`${name}: expected it once, found it twice`)
  inner[leaf] = typed(leaf, text)
}

/** What does not look like the type that the field has stays a string, and the schema says what is wrong with it. */
function typed(name: string, text: string): string | number | boolean {
  if (NUMBERS.has(name) && /^\d{1,16}$/.test(text)) return Number(text)
  if (BOOLEANS.has(name) && (text === 'true' || text === 'false')) return text === 'true'
  return text
}

function decodeText(encoded: string, field: string): string {
  const bytes = percentDecode(encoded.replaceAll('+', ' '))
  if (!LENIENT.has(field) && !isUtf8(bytes))
    throw badRequest(`${field.slice(0, 64)}: expected UTF-8, found bytes that are not`)
  return bytes.toString('utf8')
}

/** A percent sign without two hexadecimal digits stays itself, as in the URL standard's percent-decode. */
function percentDecode(latin1: string): Buffer {
  const bytes = Buffer.from(latin1, 'latin1')
  let length = 0
  for (let at = 0; at < bytes.length; at += 1, length += 1) {
    const value =
      bytes[at] === 0x25
        ? Number.parseInt(/^[0-9a-f]{2}/i.exec(latin1.slice(at + 1, at + 3))?.[0] ?? '', 16)
        : Number.NaN
    bytes[length] = Number.isNaN(value) ? (bytes[at] ?? 0) : value
    if (!Number.isNaN(value)) at += 2
  }
  return bytes.subarray(0, length)
}
