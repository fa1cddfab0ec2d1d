// Results and payloads are carried as the JSON text that somebody wrote, never parsed and printed again, because that
// would change numbers beyond 2^53 and the order of keys. These functions find such a text inside a larger one.

/**
 * The text of the member `name` of the object `json`, without the white space around it; the last one if there are several, as
 * JSON.parse has it. Undefined when there is none or `json` is not an object. `json` must be valid JSON (JSON.parse took it).
 */
export function memberText(json: string, name: string): string | undefined {
  let found: string | undefined
  let at = skipSpace(json, 0)
  if (json[at] !== '{') return undefined
  at = skipSpace(json, at + 1)
  while (at < json.length && json[at] !== '}') {
    const keyEnd = endOfString(json, at)
    const key = json.slice(at, keyEnd)
    const start = skipSpace(json, skipSpace(json, keyEnd) + 1)
    const end = endOfValue(json, start)
    if (isName(key, name)) found = json.slice(start, end)
    at = skipSpace(json, end)
    if (json[at] === ',') at = skipSpace(json, at + 1)
  }
  return found
}

/** Whether `text` is one JSON value. */
export function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

function isName(key: string, name: string): boolean {
  return key.includes('\\') ? JSON.parse(key) === name : key.length === name.length + 2 && key.startsWith(name, 1)
}

function endOfValue(json: string, start: number): number {
  const first = json[start]
  if (first === '"') return endOfString(json, start)
  if (first === '{' || first === '[') return endOfNested(json, start)
  let at = start
  while (at < json.length && !',}] \t\n\r'.includes(json.charAt(at))) at += 1
  return at
}

function endOfNested(json: string, start: number): number {
  let depth = 0
  for (let at = start; at < json.length; at += 1) {
    const char = json[at]
    if (char === '"') at = endOfString(json, at) - 1
    else if (char === '{' || char === '[') depth += 1
    else if (char === '}' || char === ']') {
      depth -= 1
      if (depth === 0) return at + 1
    }
  }
  return json.length
}

/** The index after the closing quote of the string that starts at `start`. */
function endOfString(json: string, start: number): number {
  let at = start + 1
  while (at < json.length && json[at] !== '"') at += json[at] === '\\' ? 2 : 1
  return at + 1
}

function skipSpace(json: string, start: number): number {
  let at = start
  while (at < json.length && ' \t\n\r'.includes(json.charAt(at))) at += 1
  return at
}
