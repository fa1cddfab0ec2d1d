// The fence that every changing command carries to a node: right before an effect that others can see, the command proves that its
// operator still holds the node's lock, and nobody can take the lock away until the effect is done.
import type { NodeCommand } from '../command.ts'
import type { Claim } from './claim.ts'
import { LOCK_SH } from './lock-script.ts'

/** sysexits.h EX_NOPERM: the claim is not good, or not any more; or etc/epoch cannot be read. */
export const CLAIM_REFUSED = 77

/**
 * The command with more functions for its script, which sees its arguments as before:
 * `fenced` exits with 77 unless the claim is good now, and keeps fd 8 (a shared flock) until `unfenced` or the end of the process; called again it
 * only asks again. It exits with 73 when etc/ cannot be written, with 75 when somebody has been changing the lock for 10 seconds. In a subshell only that ends, so call it in the script's own shell.
 * `fenced_alone`, instead of it, keeps everybody out, also renewals of the same claim, which wait; only then `lock_end` may be called, which gives
 * the lock back. With `unlocked` they all do nothing. Children that outlive the command must not inherit fd 8.
 */
export function fenced(command: NodeCommand & { readonly base: string }, claim: Claim): NodeCommand {
  if (claim === 'unlocked')
    return {
      ...command,
      script: `fenced() { :; }\nfenced_alone() { :; }\nunfenced() { :; }\nlock_end() { :; }\n${command.script}`,
    }
  return {
    ...command,
    script: FENCE_SH + command.script,
    args: [String(claim.epoch), claim.token, ...command.args],
  }
}

const FENCE_SH = `${LOCK_SH}
fence_epoch=$1 fence_token=$2 fence_held=''; shift 2
fenced() { fence_as -s; }
fenced_alone() { fence_as -x; }
fence_as() {
  if [ -z "$fence_held" ]; then
    [ -e "$lock_file" ] && lock_open_or_say || { echo "there is no operator lock in $base/etc" >&2; exit 77; }
    lock_flock "$1" || { echo "the operator lock has been changing hands for 10 seconds: look what holds $base/etc/epoch.lock" >&2; exit 75; }
    fence_held=yes
  fi
  lock_read
  if [ "$lock_epoch" = "$fence_epoch" ] && [ "$lock_token" = "$fence_token" ]; then
    [ "$lock_state" != held ] || return 0
    echo "the operator lock of this run was given back or expired" >&2
    exit 77
  fi
  case $lock_state in
    damaged) echo "$lock_file cannot be read, so it is not known who may change this node" >&2 ;;
    held | expired) lock_holder; echo "the operator lock was taken by $lock_said" >&2 ;;
    *) echo "the operator lock of this run is gone: the epoch here is $lock_epoch, ours is $fence_epoch" >&2 ;;
  esac
  exit 77
}
unfenced() {
  fence_held=''
  command exec 8>&-
}
`
