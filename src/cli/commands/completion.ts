// fleet completion: prints what makes a shell complete the commands and options of this version.
import type { Command } from 'commander'
import { FleetError } from '../../core/index.ts'
import { bashCompletion } from '../completion/bash.ts'
import { commandTree, type CommandNode } from '../completion/command-tree.ts'
import { fishCompletion } from '../completion/fish.ts'
import { zshCompletion } from '../completion/zsh.ts'
import { ExitCode } from '../exit-code.ts'

const SHELLS: ReadonlyMap<string, (tree: readonly CommandNode[]) => string> = new Map([
  ['bash', bashCompletion],
  ['zsh', zshCompletion],
  ['fish', fishCompletion],
])

export function completion(shell: string, program: Command): ExitCode {
  const render = SHELLS.get(shell)
  if (render === undefined) {
    throw new FleetError(
      'FLEET_CLI_BAD_OPTION',
      `expected one of the shells ${[...SHELLS.keys()].join(', ')}, got ${JSON.stringify(shell)}`,
      { remedy: 'fleet completion bash' },
    )
  }
  process.stdout.write(render(commandTree(program)))
  return ExitCode.ok
}
