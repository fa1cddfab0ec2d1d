// What `fleet check --deep` found in the trees of a node.
import type { Finding, Observation } from './finding.ts'
import type { HashedTree } from './hashed-trees.ts'

/** More names than these help nobody. */
const MAX_NAMES = 5

export function damageFindings({ hashed }: Observation): readonly Finding[] {
  return (hashed ?? []).flatMap((tree) => {
    const what = whatIsWrong(tree)
    return what === undefined
      ? []
      : [{ severity: 'error', subject: SUBJECTS[tree.kind], message: what, remedy: remedyFor(tree) }]
  })
}

const SUBJECTS: Readonly<Record<HashedTree['kind'], string>> = { releases: 'release', kit: 'kit', runtimes: 'runtime' }

function whatIsWrong(tree: HashedTree): string | undefined {
  const name = `${tree.role === 'older' ? 'an older' : `the ${tree.role}`} one (${tree.digest.slice(0, 12)})`
  if (tree.failure !== undefined) return `${name} could not be hashed: ${tree.failure}`
  const parts = [
    ...(tree.bad.length === 0 ? [] : [`${counted(tree.bad)} not as pushed: ${listed(tree.bad)}`]),
    ...(tree.extra.length === 0 ? [] : [`${counted(tree.extra)} not of it: ${listed(tree.extra)}`]),
  ]
  return parts.length === 0 ? undefined : `${name} is damaged: ${parts.join('; ')}`
}

function remedyFor({ kind, role, failure }: HashedTree): string {
  if (failure !== undefined) return 'look at what the node said, then check again'
  if (role === 'current' || kind !== 'releases')
    return 'fleet push --verify mends it; look at the disk and memory of the node, if nobody wrote there'
  return 'do not roll back to it; fleet push --verify of the same files mends it'
}

function counted(paths: readonly string[]): string {
  return paths.length === 1 ? '1 file is' : `${paths.length} files are`
}

function listed(paths: readonly string[]): string {
  const names = paths.slice(0, MAX_NAMES).join(', ')
  return paths.length > MAX_NAMES ? `${names}, and ${paths.length - MAX_NAMES} more` : names
}
