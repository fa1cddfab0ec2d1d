// The operator lock of one node: take, renew, give back, throw out, look. The node decides, by its own files and its own clock; every
// change happens under an exclusive flock, so of two who ask at once exactly one gets it, and whoever changed something under the old
// lock has finished before there is a new one.
//
//   free ──take──▶ held ──▶ expired ──take──▶ held (epoch + 1)
//    ▲              │ ▲ renew │
//    └──release, release by force (epoch + 1)──┘
import type { NodeCommand } from '../command.ts'
import type { Holder } from './claim.ts'
import { LOCK_SH } from './lock-script.ts'
import { oneLine } from './one-line.ts'

/** Who takes a lock. Each is kept and shown as one printable line of at most 200 characters. */
export interface LockTaker {
  readonly who: string
  /** The control machine. */
  readonly host: string
  /** What is being run, for example `fleet push --restart`; without secrets. */
  readonly command: string
  /** RFC 3339. */
  readonly since: string
  /** Names this run of the CLI on its own machine; empty when that cannot be told. */
  readonly process: string
}

export interface LockRequest extends LockTaker {
  /** 1 to 64 of `[A-Za-z0-9-]`, random for each run. Asking again with it is harmless: the epoch rises once more. */
  readonly token: string
  /** How long it is good without being renewed, by the node's clock. Milliseconds. */
  readonly ttlMs: number
  /** May the job's folder be made? */
  readonly createFolder: boolean
  /** Refused (`moved`) when the epoch there is another one, unless our own token holds it. */
  readonly ifEpoch?: number
  /** May be thrown out, if it is the holder's: the token of a run that is known to be dead. */
  readonly supersede?: string
}

/** sysexits.h EX_TEMPFAIL: refused; `parseLockRefusal` says why, `parseLockState` by whom. */
export const LOCK_REFUSED = 75

/**
 * Takes the lock: prints its state, with the epoch that is ours now. Exit codes: 0; 66 nothing was pushed there and no folder may be made;
 * 73 cannot write; 75 refused (after at most some 10 s when a command of the last holder does not end); 77 etc/epoch is damaged.
 */
export function takeLockCommand(base: string, request: LockRequest): NodeCommand {
  const { token, ttlMs, createFolder, ifEpoch, supersede } = request
  return {
    name: 'lock-take',
    base,
    script: LOCK_SH + TAKE,
    args: [
      token,
      String(Math.ceil(ttlMs / 10)),
      createFolder ? 'yes' : '',
      ifEpoch === undefined ? '' : String(ifEpoch),
      supersede ?? '',
      ...takerWords(request),
    ],
  }
}

/** The lock is good for `ttlMs` from now. Exit codes: 0; 73 cannot write; 75 busy; 77 it is not held any more: refused, and for good. */
export function renewLockCommand(base: string, holder: Holder, ttlMs: number): NodeCommand {
  const args = [String(holder.epoch), holder.token, String(Math.ceil(ttlMs / 10))]
  return { name: 'lock-renew', base, script: LOCK_SH + RENEW, args }
}

/** Gives the lock back. Idempotent; a lock that is somebody else's by now stays. Exit codes: 0; 73 cannot write; 75 busy. */
export function releaseLockCommand(base: string, holder: Holder): NodeCommand {
  return { name: 'lock-release', base, script: LOCK_SH + RELEASE, args: [String(holder.epoch), holder.token] }
}

/**
 * Ends the lock of whoever holds it, also an expired one, and raises the epoch: their commands are refused from now on. A damaged etc/epoch is written anew.
 * Prints the state that it found; where nobody holds it nothing is changed. Exit codes: 0; 73 cannot write; 75 busy.
 */
export function forceReleaseCommand(base: string, taker: LockTaker): NodeCommand {
  return { name: 'lock-force', base, script: LOCK_SH + FORCE, args: takerWords(taker) }
}

/** Prints the state. Changes nothing, also where nothing was ever pushed. */
export function lockStateCommand(base: string): NodeCommand {
  return { name: 'lock-state', base, script: `${LOCK_SH}lock_read\nlock_say\n`, args: [] }
}

function takerWords({ who, host, command, since, process }: LockTaker): string[] {
  return [who, host, command, since, process].map(oneLine)
}

const WRITING = `
lock_refuse() { # lock_refuse REASON CODE
  printf 'fleet-lock reason=%s\\n' "$1"
  lock_say
  exit "$2"
}
lock_busy() {
  lock_read
  lock_refuse busy 75
}
lock_unwritable() {
  rm -f "$lock_file.new" "$lock_file.beat.new.$$"
  echo "cannot write to $base/etc" >&2
  exit 73
}
# lock_put TOKEN WHO HOST COMMAND SINCE PROCESS: the next epoch, on the disk.
lock_put() {
  lock_token=$1
  lock_taken="fleet-lock 1\${lock_newline}epoch=$lock_epoch\${lock_newline}token=$1\${lock_newline}who=$2\${lock_newline}host=$3"
  lock_taken="$lock_newline$lock_taken\${lock_newline}command=$4\${lock_newline}since=$5\${lock_newline}process=$6\${lock_newline}end"
  printf '%s\\n' "\${lock_taken#?}" >"$lock_file.new" || lock_unwritable
  sync "$lock_file.new" 2>/dev/null || sync
  mv -f "$lock_file.new" "$lock_file" || lock_unwritable
  sync "$base/etc" 2>/dev/null || sync
}
# lock_beat FILE TTL
lock_beat() {
  lock_now
  printf 'fleet-beat 1\\nepoch=%s\\nboot=%s\\nexpires=%s\\nttl=%s\\nend\\n' "$lock_epoch" "$lock_boot" "$((lock_now + $2))" "$2" >"$1" || lock_unwritable
  lock_state=held lock_left=$2
}
`

const TAKE = `${WRITING}
token=$1 ttl=$2 create=$3 if_epoch=$4 supersede=$5; shift 5
may_take() {
  lock_read
  if [ "$lock_state" = damaged ]; then
    echo "$lock_file cannot be read, so it is not known who may change this node" >&2
    exit 77
  fi
  [ "$lock_state" != held ] || [ "$lock_token" = "$token" ] || [ "$lock_token" = "$supersede" ] || lock_refuse held 75
  [ -z "$if_epoch" ] || [ "$lock_epoch" = "$if_epoch" ] || [ "$lock_token" = "$token" ] || lock_refuse moved 75
}
[ -n "$create" ] || [ -d "$base" ] || { echo "there is no $base: nothing was pushed there" >&2; exit 66; }
may_take
[ -e "$base/etc/epoch.lock" ] || { mkdir -p "$base/etc" && chmod 700 "$base" "$base/etc"; } || lock_unwritable
lock_open || lock_unwritable
lock_flock -x || lock_busy
may_take
lock_epoch=$((lock_epoch + 1))
for stray in "$lock_file".beat.new.*; do
  [ ! -e "$stray" ] || rm -f "$stray"
done
lock_put "$token" "$@"
# In place: until it is whole it is no beat of the new epoch, and whoever asks with a flock waits.
lock_beat "$lock_file.beat" "$ttl"
lock_say
`

const RENEW = `${WRITING}
epoch=$1 token=$2 ttl=$3
[ -e "$lock_file" ] && lock_open_or_say || { lock_read; lock_refuse moved 77; }
lock_flock -s || lock_busy
lock_read
[ "$lock_epoch" = "$epoch" ] && [ "$lock_token" = "$token" ] || lock_refuse moved 77
[ "$lock_state" = held ] || lock_refuse expired 77
# Others look at it now.
lock_beat "$lock_file.beat.new.$$" "$ttl"
mv -f "$lock_file.beat.new.$$" "$lock_file.beat" || lock_unwritable
lock_say
`

const RELEASE = `${WRITING}
epoch=$1 token=$2
if [ -d "$base/etc" ]; then
  lock_open || lock_unwritable
  lock_flock -x || lock_busy
  lock_read
  if [ "$lock_epoch" = "$epoch" ] && [ "$lock_token" = "$token" ]; then
    lock_end
  fi
fi
lock_read
lock_say
`

// The epoch of a damaged file is not known. Seconds since 1970 are more than any that was ever counted up to.
const FORCE = `${WRITING}
lock_read
if [ "$lock_state" != free ]; then
  lock_open || lock_unwritable
  lock_flock -x || lock_busy
  lock_read
fi
lock_say
case $lock_state in
  free) exit 0 ;;
  damaged) lock_epoch=$(date +%s) ;;
  *) lock_epoch=$((lock_epoch + 1)) ;;
esac
lock_put '' "$@"
lock_end
`
