// Completion for bash. It needs nothing but bash itself: no bash-completion package.
import type { CommandNode } from './command-tree.ts'

export function bashCompletion(tree: readonly CommandNode[]): string {
  const known = tree.filter(({ path }) => path.length > 0).map(({ path }) => `"${path.join(' ')}"`)
  return `# bash completion for fleet: eval "$(fleet completion bash)"
_fleet() {
  local cur=\${COMP_WORDS[COMP_CWORD]} at='' words='' options='' index
  for ((index = 1; index < COMP_CWORD; index++)); do
    case "\${at:+$at }\${COMP_WORDS[index]}" in
      ${known.join(' | ')}) at="\${at:+$at }\${COMP_WORDS[index]}" ;;
    esac
  done
  case $at in
${tree.map(branch).join('\n')}
  esac
  if [[ $cur == -* ]]; then words=$options; fi
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
# What is no command and no option is a file.
complete -o bashdefault -o default -F _fleet fleet
`
}

function branch({ path, commands, options }: CommandNode): string {
  const flags = options.flatMap(({ long, short }) => (short === undefined ? [long] : [short, long]))
  return `    "${path.join(' ')}") words='${commands.map(({ name }) => name).join(' ')}' options='${[...flags, '--help'].join(' ')}' ;;`
}
