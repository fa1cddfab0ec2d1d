// A command for a node is a value: it can be built, printed (--dry-run), compared in a test, and then run. Whatever the
// login shell is, the command line only asks it to start `sh`; every argument is quoted, none is ever interpolated.
import { gzipSync } from 'node:zlib'
import { FleetError } from '../core/index.ts'
import { MARK_COMMAND } from './login-noise.ts'

export interface NodeCommand {
  /** For messages and `ps`: the command shows up as `fleet-<name>`. Letters, digits and dashes. */
  readonly name: string
  /** POSIX sh. Sees `$base` (with a leading `~` made absolute; only if there is a base) and `$1`.. */
  readonly script: string
  /**
   * The job's folder on the node, for example `~/.fleet/photos` or an absolute path. Undefined: a command that is not about a
   * job; it runs with the umask of the login, and unset variables are no error.
   */
  readonly base?: string
  /** Text travels as UTF-8, bytes as they are; NUL cannot be in an argument. */
  readonly args: readonly (string | Uint8Array)[]
}

/** The most that Linux takes as one argument, and the whole line is one (execve(2), MAX_ARG_STRLEN: 32 pages with the NUL). */
const MAX_LINE_BYTES = 131_071

/** What Dropbear takes as one command; with more it ends the connection (sysoptions.h, MAX_CMD_LEN 9000). */
export const DROPBEAR_LINE_BYTES = 9000

const WITH_BASE = `set -u; umask 077; base=$1; shift
case $base in "~") base=$HOME ;; "~/"*) base=$HOME/\${base#"~/"} ;; esac
`

/**
 * The command as one line of ASCII that means the same to every login shell: sh, csh, fish and zsh alike. sshd hands it to
 * `<login shell> -c`. What it prints begins with a mark (see login-noise.ts). Throws FLEET_NODE_BAD_ARGUMENT for a NUL, and for
 * more than `maxBytes`. Where that is less than what Linux takes, a long command is packed: the node needs base64 and gzip for it.
 */
export function commandLine({ name, script, base, args }: NodeCommand, maxBytes = MAX_LINE_BYTES): string {
  const words = [...(base === undefined ? [] : [base]), ...args].map((word) => quote(bytesOf(word)))
  const head = `${MARK_COMMAND}\nset -- ${words.join(' ')}\n${base === undefined ? '' : WITH_BASE}`
  const text = `${head}${bytesOf(script)}`
  const line = `exec sh -c 'eval "$(printf %b "$1")"' fleet-${name} '${encode(text)}'`
  if (line.length <= maxBytes) return line
  const short = bytesOf(script).replaceAll(/^ *#.*\n|^ +/gm, '')
  const packed = gzipSync(Buffer.from(`${head}${short}`, 'latin1'), { level: 9 }).toString('base64')
  const packedLine = `exec sh -c 'eval "$(printf %s "$1" | base64 -d | gzip -dc)"' fleet-${name} ${packed}`
  if (maxBytes < MAX_LINE_BYTES && packedLine.length <= maxBytes) return packedLine
  throw new FleetError(
    'FLEET_NODE_BAD_ARGUMENT',
    `expected a command of at most ${maxBytes} bytes once it is quoted, got ${line.length}`,
    { remedy: 'give it the long part on its stdin, or in a file on the node' },
  )
}

/** One argument, quoted so that any POSIX shell passes it on byte for byte (POSIX 2.2.2, single quotes). NUL cannot be an argument. */
export function quote(argument: string): string {
  if (argument.includes('\0'))
    throw new FleetError('FLEET_NODE_BAD_ARGUMENT', 'an argument must not contain a NUL byte')
  if (/^[A-Za-z0-9_./:=@%+,-]+$/.test(argument)) return argument
  return `'${argument.replaceAll("'", "'\\''")}'`
}

/**
 * For printf's %b (POSIX printf, `\0` and three octal digits), and within single quotes literal in every shell: fish knows `\\`
 * and `\'` there, csh `!` and the end of a line, some shells only ASCII.
 */
function encode(bytes: string): string {
  return bytes.replace(/[^ "-&(-[\]-~]/g, (byte) => `\\0${byte.charCodeAt(0).toString(8).padStart(3, '0')}`)
}

/** One character per byte. */
function bytesOf(text: string | Uint8Array): string {
  return (typeof text === 'string' ? Buffer.from(text) : Buffer.from(text)).toString('latin1')
}
