// Completion for zsh, with descriptions.
import type { CommandNode } from './command-tree.ts'

export function zshCompletion(tree: readonly CommandNode[]): string {
  const known = tree.filter(({ path }) => path.length > 0).map(({ path }) => quoted(path.join(' ')))
  return `#compdef fleet
# zsh completion for fleet: eval "$(fleet completion zsh)", after compinit
_fleet() {
  local at='' word
  local -a found options
  for word in "\${(@)words[2,CURRENT-1]}"; do
    case "\${at:+$at }$word" in
      (${known.join('|')}) at="\${at:+$at }$word" ;;
    esac
  done
  case $at in
${tree.map(branch).join('\n')}
  esac
  if [[ \${words[CURRENT]} == -* ]]; then
    _describe -o option options
  elif (( \${#found} )); then
    _describe command found
  else
    _files
  fi
}
compdef _fleet fleet
`
}

function branch({ path, commands, options }: CommandNode): string {
  const found = commands.map(({ name, description }) => item(name, description))
  const flags = options.flatMap(({ long, short, description }) =>
    [long, ...(short === undefined ? [] : [short])].map((flag) => item(flag, description)),
  )
  return `    (${quoted(path.join(' '))}) found=(${found.join(' ')}) options=(${[...flags, item('--help', 'what it does')].join(' ')}) ;;`
}

/** `_describe` takes NAME:DESCRIPTION; a colon in the name would end it. */
function item(name: string, description: string): string {
  return quoted(`${name.replaceAll(':', '\\:')}:${description}`)
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`
}
