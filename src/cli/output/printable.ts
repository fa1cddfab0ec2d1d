// Bytes from a node on their way to a terminal: they must not move its cursor, change its title or type into it.

/** On a terminal control characters and bytes that are not UTF-8 are written as `\x1b`; elsewhere everything stays as it is. Tabs and newlines stay always. */
export function printable(bytes: Buffer, isTerminal: boolean): string | Buffer {
  if (!isTerminal) return bytes
  const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes)
  return text.replace(
    // C0 without tab and newline, DEL, C1, and what could turn the direction of the text around.
    // eslint-disable-next-line no-control-regex
    /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g,
    (character) => {
      const code = character.charCodeAt(0)
      return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16)}`
    },
  )
}
