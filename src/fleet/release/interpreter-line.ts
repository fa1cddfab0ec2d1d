// The first line of a script, `#!PROGRAM ARGUMENT`, as Linux reads it (execve(2), fs/binfmt_script.c): at most 255 bytes, and all that stands
// behind the program is one argument.

/** BINPRM_BUF_SIZE of Linux 5.1 and later. */
export const INTERPRETER_LINE_BYTES = 256

/**
 * The programs that the script needs: absolute paths, and names that env(1) looks up in PATH. `head` is the beginning of the file. Empty
 * for a file without such a line, and for a line that Linux would not accept either. A relative path names no program of the node.
 */
export function interpretersOf(head: Buffer): string[] {
  const line = lineOf(head)
  const [, program, argument = ''] = /^[ \t]*([^ \t]+)[ \t]*(.*)$/.exec(line ?? '') ?? []
  if (program === undefined) return []
  const named = /(^|\/)env$/.test(program) ? envProgram(argument) : undefined
  return [program, ...(named === undefined ? [] : [named])].filter((name, index) =>
    name.includes('/') ? name.startsWith('/') : index > 0,
  )
}

function lineOf(head: Buffer): string | undefined {
  const buffer = head.subarray(0, INTERPRETER_LINE_BYTES)
  if (buffer.toString('latin1', 0, 2) !== '#!') return undefined
  const end = buffer.findIndex((byte) => byte === 0x0a || byte === 0)
  if (end !== -1) return buffer.toString('utf8', 2, end).replace(/[ \t]+$/, '')
  const line = buffer.toString('utf8', 2)
  // Cut in the middle of the program's name, the line is refused; cut behind it, only its argument is shorter.
  return head.length < INTERPRETER_LINE_BYTES || /^[ \t]*[^ \t]+[ \t]/.test(line)
    ? line.replace(/[ \t]+$/, '')
    : undefined
}

/** env(1) takes its one argument as a name, unless it is `-S` and words to split. Undefined when fleet does not know what that makes. */
function envProgram(argument: string): string | undefined {
  if (!argument.startsWith('-')) return argument === '' || argument.includes('=') ? undefined : argument
  const [, split] = /^(?:-v?S|--split-string=)[ \t]*(.*)$/.exec(argument) ?? []
  // Quotes, escapes and variables: rare, and not worth a wrong guess.
  if (split === undefined || /["'\\$#]/.test(split)) return undefined
  return programOf(split.split(/[ \t]+/))
}

const ALONE = /^(?:-|-[iv0]+|--(?:ignore-environment|debug|null)|--(?:unset|chdir)=.*|-[uC].+|[^-=][^=]*=.*)$/

function programOf(words: readonly string[]): string | undefined {
  const [word, ...rest] = words
  if (word === undefined || word === '' || word.startsWith('PATH=')) return undefined
  if (word === '-u' || word === '-C') return programOf(rest.slice(1))
  if (ALONE.test(word)) return programOf(rest)
  return word.startsWith('-') ? undefined : word
}
