// Names and command lines of other people, which end up on terminals and in files of lines.

/** Of a command line that somebody reads in a message. Characters. */
const MAX_CHARACTERS = 200

/** One line of printable characters, at most 200: anything that could move a cursor, hide text or end a line becomes `?`. */
export function oneLine(text: string): string {
  const line = text.replaceAll(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, '?').trim()
  const characters = Array.from(line)
  return characters.length <= MAX_CHARACTERS ? line : `${characters.slice(0, MAX_CHARACTERS - 1).join('')}…`
}
