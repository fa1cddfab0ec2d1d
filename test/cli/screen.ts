// What stands on a terminal after everything that was written to it: just the movements that fleet uses.

/** Lines of the screen and of what scrolled away above it, without blanks at their ends. */
export function linesOnScreen(written: string, columns: number): string[] {
  const lines: string[] = ['']
  let row = 0
  let column = 0
  const put = (character: string): void => {
    if (column === columns) {
      row += 1
      column = 0
    }
    const line = (lines[row] ?? '').padEnd(column)
    lines[row] = line.slice(0, column) + character + line.slice(column + 1)
    column += 1
  }
  // eslint-disable-next-line no-control-regex
  for (const [token, digits, command] of written.matchAll(/\u001b\[(\d*)([A-Za-z])|[^]/gu)) {
    if (command === 'A') row = Math.max(0, row - Number(digits))
    else if (command === 'K') lines[row] = (lines[row] ?? '').slice(0, column)
    else if (command === 'J') lines.splice(row, Infinity, (lines[row] ?? '').slice(0, column))
    else if (command !== undefined && command !== 'm') throw new Error(`unknown movement ${JSON.stringify(token)}`)
    else if (token === '\r') column = 0
    else if (token === '\n') row += 1
    else if (command === undefined) put(token)
  }
  return lines.map((line) => line.trimEnd())
}
