// From what a node said to what is wrong with it. Pure: the same facts and wants give the same findings.
import { cronFindings, lingerFindings } from './keeper-findings.ts'
import { clockFindings, limitFindings, memoryFindings } from './machine-findings.ts'
import { damageFindings } from './damage-findings.ts'
import { dispatcherFindings } from './dispatcher-findings.ts'
import type { Finding, Observation, Severity, Wants } from './finding.ts'
import { loginFindings, noteFindings, sshdFindings, toolFindings } from './login-findings.ts'
import { placeFindings, spaceFindings } from './place-findings.ts'

const CHECKS: readonly ((seen: Observation, wants: Wants) => readonly Finding[])[] = [
  placeFindings,
  spaceFindings,
  toolFindings,
  damageFindings,
  dispatcherFindings,
  lingerFindings,
  cronFindings,
  limitFindings,
  memoryFindings,
  clockFindings,
  loginFindings,
  sshdFindings,
  noteFindings,
]

const ORDER: readonly Severity[] = ['error', 'warning', 'note']

/** Errors first, then warnings, then notes. */
export function findingsOf(seen: Observation, wants: Wants): readonly Finding[] {
  return CHECKS.flatMap((check) => check(seen, wants)).sort(bySeverity)
}

export function bySeverity(a: Pick<Finding, 'severity'>, b: Pick<Finding, 'severity'>): number {
  return ORDER.indexOf(a.severity) - ORDER.indexOf(b.severity)
}
