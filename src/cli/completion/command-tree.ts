// The command line as plain values, read off the program itself, so that no second list of commands can go stale.
import type { Command } from 'commander'

export interface CommandNode {
  /** Words after `fleet`; empty for fleet itself. */
  readonly path: readonly string[]
  readonly description: string
  readonly commands: readonly { readonly name: string; readonly description: string }[]
  readonly options: readonly OptionNode[]
}

export interface OptionNode {
  /** With its dashes, for example `--limit`. */
  readonly long: string
  /** For example `-c`, if there is one. */
  readonly short: string | undefined
  readonly description: string
  readonly takesValue: boolean
}

/** Every command in the order of --help, parents before their children. */
export function commandTree(command: Command, path: readonly string[] = []): readonly CommandNode[] {
  const node: CommandNode = {
    path,
    description: command.description(),
    commands: command.commands.map((child) => ({ name: child.name(), description: child.description() })),
    options: command.options.flatMap(({ long, short, description, required, optional }) =>
      typeof long === 'string' ? [{ long, short, description, takesValue: required || optional }] : [],
    ),
  }
  return [node, ...command.commands.flatMap((child) => commandTree(child, [...path, child.name()]))]
}
