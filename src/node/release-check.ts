// The health check of a release on a node: the user's own command, in the folder of the release that is current. What always holds:
// nothing of it lives longer than its limit, whoever it started in its session included, and no flood of output leaves the node.
import { FleetError, type Digest, type JobName, type NodeName } from '../core/index.ts'
import type { NodeCommand } from './command.ts'

export interface ReleaseCheck {
  readonly job: JobName
  readonly node: NodeName
  /** What has to be current. */
  readonly release: Digest
  /** argv, at least one item; never through a shell. A first item with a slash starts from the release's folder. */
  readonly command: readonly string[]
  /** From 1000; rounded up to seconds. TERM, and KILL 5 s later, end a check that takes longer. Milliseconds. */
  readonly timeoutMs: number
}

export type ReleaseCheckOutcome =
  | { readonly kind: 'healthy' }
  /** `output`: the end of what it printed, at most 20 lines and 4000 bytes. Above 128: 128 + signal. */
  | { readonly kind: 'unhealthy'; readonly exitCode: number; readonly output: string }
  | { readonly kind: 'late'; readonly output: string }

/** Exits 0 whatever the check says (read it with `releaseCheckOutcome`); 66 when that release is not the current one. */
export function releaseCheckCommand(base: string, check: ReleaseCheck): NodeCommand {
  const limitS = String(Math.ceil(check.timeoutMs / 1000))
  return {
    name: 'check',
    base,
    script: CHECK,
    args: [check.job, check.node, check.release, limitS, ...check.command],
  }
}

/** Throws FLEET_NODE_BAD_STATUS for what the command would not have printed. */
export function releaseCheckOutcome({
  stdout,
  stderr,
}: {
  readonly stdout: string
  readonly stderr: string
}): ReleaseCheckOutcome {
  const [, late, code] = /(?:^|\n)fleet-check (late )?(\d{1,3})\n$/.exec(stderr) ?? []
  if (code === undefined) {
    throw new FleetError(
      'FLEET_NODE_BAD_STATUS',
      `expected the end of a release check, got ${JSON.stringify(stderr.slice(-300))}`,
      { remedy: 'run it again; if it stays, look at what sh is on that node' },
    )
  }
  if (late !== undefined) return { kind: 'late', output: stdout }
  return code === '0' ? { kind: 'healthy' } : { kind: 'unhealthy', exitCode: Number(code), output: stdout }
}

// fd 3: what we say of it, fd 4: the end of what it says. Both it and its limit lead sessions of their own, so that all of
// each can be ended. `kill -TERM -PID` is the only form that dash, bash and busybox ash all take.
const CHECK = `
FLEET_JOB=$1 FLEET_NODE=$2 release=$3 limit=$4; shift 4
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:\${base%/*}/.bin
FLEET_RELEASE=$(cd -P "$base/current" 2>/dev/null && pwd -P) || { echo "there is no release below $base" >&2; exit 66; }
[ "\${FLEET_RELEASE##*/}" = "$release" ] || { echo "current is \${FLEET_RELEASE##*/}, somebody switched it" >&2; exit 66; }
export PATH FLEET_JOB FLEET_NODE FLEET_RELEASE
cd "$FLEET_RELEASE" || exit 66
check() {
  setsid "$@" </dev/null 2>&1 3>&- 4>&- &
  pid=$!
  setsid sh -c 'sleep "$1"; echo late >&3; kill -TERM "-$2"; sleep 5; kill -KILL "-$2"' fleet-limit "$limit" "$pid" \\
    </dev/null >/dev/null 2>&1 4>&- &
  watcher=$!
  wait "$pid"
  code=$?
  kill -KILL "-$watcher" 2>/dev/null || kill -KILL "$watcher" 2>/dev/null
  kill -KILL "-$pid" 2>/dev/null
  echo "$code" >&3
}
command exec 4>&1
said=$({ check "$@" | tail -n 20 | tail -c 4000 >&4; } 3>&1)
set -- $said
printf 'fleet-check %s\\n' "$*" >&2
`
