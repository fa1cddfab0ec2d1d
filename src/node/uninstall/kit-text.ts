// Programs of the kit as text for a command of its own: an uninstall must work where the kit is damaged, older than we are, or gone.
import { kitFiles } from '../kit-files.ts'

/** What every program of the kit begins with, for a script that sees `$base`. Leaves pathname expansion off. */
export function libraryText(): string {
  return `set +u\nset -- "$base" "$@"\n${textOf('lib.sh')}text_of() { first_line_of "$1"; }\nshift\n`
}

/** The body of a program of the kit, for a subshell whose arguments are those of the program, after `libraryText`. */
export function programText(name: string): string {
  return textOf(name).replace(/^\. "\$\{0%\/\*\}\/lib\.sh"$/m, '')
}

function textOf(name: string): string {
  return (
    kitFiles()
      .find((file) => file.name === name)
      ?.content.toString('utf8') ?? ''
  )
}
