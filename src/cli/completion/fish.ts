// Completion for fish, with descriptions.
import type { CommandNode } from './command-tree.ts'

export function fishCompletion(tree: readonly CommandNode[]): string {
  const known = tree.filter(({ path }) => path.length > 0).map(({ path }) => quoted(path.join(' ')))
  return `# fish completion for fleet: fleet completion fish | source
function __fleet_at --description 'are the words so far this command of fleet?'
  set --local at
  for word in (commandline --tokenize --cut-at-cursor --current-process)[2..]
    set --local longer (string trim -- "$at $word")
    if contains -- $longer ${known.join(' ')}
      set at $longer
    end
  end
  test "$at" = "$argv[1]"
end
${tree.flatMap(lines).join('\n')}
`
}

function lines({ path, commands, options }: CommandNode): string[] {
  const here = `complete --command fleet --condition ${quoted(`__fleet_at ${quoted(path.join(' '))}`)}`
  return [
    ...commands.map(
      ({ name, description }) => `${here} --no-files --arguments ${quoted(name)} --description ${quoted(description)}`,
    ),
    ...options.map(({ long, short, description, takesValue }) =>
      [
        here,
        `--long-option ${long.replace(/^--/, '')}`,
        ...(short === undefined ? [] : [`--short-option ${short.replace(/^-/, '')}`]),
        `--description ${quoted(description)}`,
        ...(takesValue ? ['--require-parameter'] : []),
      ].join(' '),
    ),
  ]
}

/** In fish's single quotes only \\' and \\\\ mean something else. */
function quoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
}
