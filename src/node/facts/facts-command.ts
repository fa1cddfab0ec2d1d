// What a node is, asked in one round trip. The script only looks: all it writes is one folder for a moment, to learn whether
// the place of root takes files and runs them. It prints `key TAB value` lines between two lines of its own.
import type { NodeCommand } from '../command.ts'
import { ACCOUNT, CRON, LIMITS, MACHINE, PLACE, SSHD, TOOLS } from './facts-script.ts'

/** `tools` are looked for where a worker would find them. Takes at most some 30 seconds, mostly a fraction of one; parsed by `parseFacts`. */
export function factsCommand(base: string, tools: readonly string[]): NodeCommand {
  return {
    name: 'check',
    base,
    script: START + MACHINE + ACCOUNT + TOOLS + PLACE + LIMITS + CRON + SSHD + END,
    args: tools,
  }
}

/**
 * Whether an HTTP server answers at `url` as seen from the node, with the node's own curl. Ends within 6 seconds.
 * Prints `probe TAB exit code of curl TAB HTTP status`; curl's exit code is 127 when there is none.
 */
export function probeCommand(base: string, url: string): NodeCommand {
  return { name: 'probe', base, script: PROBE, args: [url] }
}

// The moment is told first and last, so that the way there and back can be taken off (RFC 5905, 8: offset and delay).
const START = `
export LC_ALL=C
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:\${base%/*}/.bin
printf '\\nfleet-facts 1\\n'
# One line a fact, whatever the value holds.
fact() {
  value=$2
  case $2 in
    *[[:cntrl:]]*) value=$(printf %s "$2" | tr '\\000-\\037\\177' ' ') ;;
  esac
  printf '%s\\t%s\\n' "$1" "$value"
}
fact began "$(date '+%s %N')"
# limited SECONDS COMMAND...: KILLs it after so long (status 137). Only for a single program: what it started itself would
# live on and hold our output open.
limited() {
  seconds=$1; shift
  "$@" &
  child=$!
  { nap=; trap 'kill $nap 2>/dev/null; exit' TERM; sleep "$seconds" & nap=$!; wait $nap; kill -9 $child; } >/dev/null 2>&1 </dev/null &
  guard=$!
  wait $child; status=$?
  kill $guard 2>/dev/null
  return $status
}
`

const END = `
fact ended "$(date '+%s %N')"
echo fleet-facts-end
:`

const PROBE = `
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:\${base%/*}/.bin
http=$(curl --silent --insecure --noproxy '*' --output /dev/null --write-out '%{http_code}' --connect-timeout 3 --max-time 5 -- "$1/healthz")
printf '\\nprobe\\t%s\\t%s\\n' "$?" "$http"
:`
