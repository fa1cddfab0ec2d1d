// Errors about nodes that got a release and did not do well with it, or had to give it back.
import { FleetError, type Digest, type NodeName } from '../../core/index.ts'
import type { ReleaseCheckOutcome } from '../../node/index.ts'

/** Lines of a check's output that are told. */
const TOLD_LINES = 5

/** What became of a node that was to go back. `first`: there is nothing to go back to. `same`: it ran this release before. */
export type Return =
  | { readonly kind: 'back'; readonly to: string; readonly restartError?: FleetError }
  | { readonly kind: 'first' | 'same' }
  | { readonly kind: 'stuck'; readonly error: FleetError }

export function unhealthy(release: Digest, outcome: Exclude<ReleaseCheckOutcome, { kind: 'healthy' }>): FleetError {
  const how = outcome.kind === 'late' ? 'took longer than release.check_timeout' : `ended with exit ${outcome.exitCode}`
  const said = endOf(outcome.output)
  return new FleetError(
    'FLEET_ROLLOUT_UNHEALTHY',
    `release ${short(release)} is not healthy: its check ${how}${said === '' ? ' and said nothing' : `; it said: ${said}`}`,
    { remedy: 'mend the release, or go back: fleet rollback' },
  )
}

/** The error of a node, with what became of it afterwards. */
export function withReturn(error: FleetError, release: Digest, after: Return): FleetError {
  return new FleetError(error.code, `${error.message}. ${returnText(release, after)}`, {
    ...remedyAfter(error, after),
    retryable: false,
    cause: error,
  })
}

/** Of a node that did well itself. */
export function switchedBack(release: Digest, after: Return, because: readonly NodeName[]): FleetError {
  const others = because.length === 1 ? (because[0] ?? '') : `${because.length} nodes`
  return new FleetError(
    'FLEET_ROLLOUT_SWITCHED_BACK',
    `its batch was switched back, because ${others} did not do well with release ${short(release)}. ${returnText(release, after)}`,
    remedyAfter(undefined, after),
  )
}

/** Of a node that was switched when the operator gave up. */
export function broken(release: Digest, missing: readonly string[]): FleetError {
  return new FleetError(
    'FLEET_ROLLOUT_INTERRUPTED',
    `release ${short(release)} is current, but interrupted before ${missing.join(' and ')}`,
    { remedy: 'run the same command again' },
  )
}

function returnText(release: Digest, after: Return): string {
  switch (after.kind) {
    case 'back':
      return `It was switched back to ${short(after.to)}${after.restartError === undefined ? '' : `, but its slots were not restarted: ${after.restartError.message}`}`
    case 'first':
      return `It keeps ${short(release)}: this is its first release, there is none to go back to`
    case 'same':
      return `It keeps ${short(release)}, which it had before as well`
    case 'stuck':
      return `It could not be switched back and keeps ${short(release)}: ${after.error.message}`
  }
}

function remedyAfter(error: FleetError | undefined, after: Return): { remedy?: string } {
  if (after.kind === 'stuck') return { remedy: after.error.remedy ?? 'fleet rollback' }
  if (after.kind === 'back') return { remedy: 'mend the release, then push again' }
  return error?.remedy === undefined ? {} : { remedy: error.remedy }
}

function endOf(output: string): string {
  const lines = output
    .split('\n')
    // What moves a terminal, or hides in a line.
    // eslint-disable-next-line no-control-regex
    .map((line) => line.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]+/g, ' ').trim())
    .filter((line) => line !== '')
  return lines.slice(-TOLD_LINES).join('; ').slice(-1000)
}

function short(digest: string): string {
  return digest.slice(0, 12)
}
