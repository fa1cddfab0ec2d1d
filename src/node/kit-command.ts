// The commands that the CLI runs on a node by way of the kit. Values; nothing is executed here.
import type { JobName } from '../core/index.ts'
import type { NodeCommand } from './command.ts'
import type { Claim } from './lock/claim.ts'
import { fenced } from './lock/fence.ts'

/** Makes the supervisors what `etc/desired` says, and ends at once. Safe at any time, by anyone, any number at once. */
export function keepCommand(base: string): NodeCommand {
  return { name: 'keep', script: program('keep.sh'), base, args: [] }
}

/** Prints what `parseStatus` reads. Changes nothing. */
export function statusCommand(base: string): NodeCommand {
  return { name: 'status', script: program('status.sh'), base, args: [] }
}

/** Puts the keeper's line into the user's crontab, or takes it out. Idempotent; read what it prints with `cronOutcome`. Exits 0 also when cron cannot be used: that is an outcome. 77: the claim is not good. */
export function cronCommand(base: string, job: JobName, action: 'install' | 'remove', claim: Claim): NodeCommand {
  return fenced({ name: 'cron', script: program('cron.sh', 'fenced\n'), base, args: [job, action] }, claim)
}

export type CronOutcome =
  | { readonly kind: 'installed' | 'removed' | 'unchanged' }
  /** The node has no crontab program: nothing brings the slots back after a reboot. */
  | { readonly kind: 'absent'; readonly reason: string }
  /** The user may not use cron, or it failed. The table is as it was (`refused`), or has to be looked at (`failed`). */
  | { readonly kind: 'refused' | 'failed'; readonly reason: string }

/** What the cron command did, from its exit code and its one line on stdout. */
export function cronOutcome(exitCode: number | undefined, stdout: string): CronOutcome {
  const line = stdout.trim()
  if (exitCode === 0 && (line === 'installed' || line === 'removed' || line === 'unchanged')) return { kind: line }
  const [, kind, reason] = /^(absent|refused|failed): ([^]+)$/.exec(line) ?? []
  if ((kind === 'absent' || kind === 'refused' || kind === 'failed') && reason !== undefined) return { kind, reason }
  return {
    kind: 'failed',
    reason: `expected one line from cron.sh, got exit ${exitCode ?? 'by a signal'} and ${JSON.stringify(line.slice(0, 300))}`,
  }
}

/** Exit 66 (sysexits.h, EX_NOINPUT): this job has no kit there, it was never pushed. */
function program(name: string, before = ''): string {
  const path = `"$base/kit/current/${name}"`
  return `[ -f ${path} ] || { echo "there is no ${name} under $base: nothing was pushed there" >&2; exit 66; }\n${before}exec sh ${path} "$base" "$@"`
}
