// Which release a node goes back to. Pure: decided from what the node said that it holds.
import { FleetError, type Digest } from '../core/index.ts'
import type { Inspection } from '../node/index.ts'

/** Where a node is, and what it could run. */
export type Holdings = Pick<Inspection, 'releases' | 'currentRelease' | 'previousRelease'>

/** Of the releases that are told when one is missing. */
const TOLD = 8

/** `wanted`: the beginning of a digest; undefined: what `previous` leads to. Throws FLEET_ROLLBACK_NO_RELEASE with what is there. */
export function chooseRelease(holdings: Holdings, wanted: string | undefined): Digest {
  const { releases, previousRelease } = holdings
  const begins = wanted ?? (previousRelease === '' ? undefined : previousRelease)
  if (begins === undefined) throw noRelease('there is no previous release on this node', holdings)
  const found = releases.filter(({ digest }) => digest.startsWith(begins))
  const [only] = found
  if (only === undefined)
    throw noRelease(
      wanted === undefined
        ? `the previous release ${begins.slice(0, 12)} is not on this node any more`
        : `there is no release ${begins.slice(0, 12)} on this node`,
      holdings,
    )
  if (found.length > 1) throw noRelease(`${found.length} releases on this node begin with ${begins}`, holdings)
  return only.digest
}

/** `3f2a11223344 (current)`. */
export function labelOf(digest: string, { currentRelease, previousRelease }: Holdings): string {
  const names = [
    ...(digest === currentRelease ? ['current'] : []),
    ...(digest === previousRelease && digest !== currentRelease ? ['previous'] : []),
  ]
  return `${digest.slice(0, 12)}${names.length === 0 ? '' : ` (${names.join()})`}`
}

function noRelease(what: string, holdings: Holdings): FleetError {
  const { releases } = holdings
  const told = releases.slice(0, TOLD).map(({ digest }) => labelOf(digest, holdings))
  const rest = releases.length - told.length
  const there =
    releases.length === 0 ? 'it holds none at all' : `it holds ${told.join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`
  return new FleetError('FLEET_ROLLBACK_NO_RELEASE', `${what}; ${there}`, {
    remedy: releases.length === 0 ? 'push first: fleet push' : 'name one that is there: fleet rollback RELEASE',
  })
}
