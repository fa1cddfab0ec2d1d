// A command for a node is a value: it can be built, printed (--dry-run), compared in a test, and then run. Whatever the
// login shell is, the command line only asks it to start `sh`; every argument is quoted, none is ever interpolated.
import { FleetError } from '../core/index.ts'

export interface NodeCommand {
  /** For messages and `ps`: the command shows up as `fleet-<name>`. */
  readonly name: string
  /** POSIX sh. Sees `$base` (the first argument, with a leading `~` made absolute) and `$1`.. (the rest). */
  readonly script: string
  /** The job's folder on the node, for example `~/.fleet/photos` or an absolute path. */
  readonly base: string
  readonly args: readonly string[]
}

const PREAMBLE = `set -u; umask 077; base=$1; shift
case $base in "~") base=$HOME ;; "~/"*) base=$HOME/\${base#"~/"} ;; esac
`

/** The command as one line for a login shell. Newlines inside arguments are kept. */
export function commandLine(command: NodeCommand): string {
  const argv = ['sh', '-c', PREAMBLE + command.script, `fleet-${command.name}`, command.base, ...command.args]
  return `exec ${argv.map(quote).join(' ')}`
}

/** One argument, quoted so that any POSIX shell passes it on byte for byte (POSIX 2.2.2, single quotes). NUL cannot be an argument. */
export function quote(argument: string): string {
  if (argument.includes('\0'))
    throw new FleetError('FLEET_NODE_BAD_ARGUMENT', 'an argument must not contain a NUL byte')
  if (/^[A-Za-z0-9_./:=@%+,-]+$/.test(argument)) return argument
  return `'${argument.replaceAll("'", "'\\''")}'`
}
