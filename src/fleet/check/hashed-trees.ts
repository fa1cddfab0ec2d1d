// Every tree on a node, hashed against its manifest: finds bits that flipped while size and time stayed. Reads all of it, writes nothing.
import { FleetError, messageOf, parseDigest, toFleetError, type Digest } from '../../core/index.ts'
import { parseVerification, verifyCommand, type Inspection, type TreeKind } from '../../node/index.ts'
import type { Connection } from '../../ssh/index.ts'
import { insistOnSuccess, runAnyway } from '../fleet-node.ts'
import { inspect } from '../push/inspect.ts'

export interface HashedTree {
  readonly kind: TreeKind
  readonly digest: Digest
  /** `older`: a release that only a rollback by its name would use. */
  readonly role: 'current' | 'previous' | 'older'
  /** Files that are not as the manifest says, or not there. */
  readonly bad: readonly string[]
  /** Files that the manifest does not name. */
  readonly extra: readonly string[]
  /** Why it could not be hashed; then the lists are empty. */
  readonly failure?: string
}

/** Nothing moves on the connection while gigabytes are read from a slow disk. */
const HASH_STALL_MS = 3_600_000
/** sysexits.h EX_NOINPUT: there is no such tree. */
const NO_TREE = 66

/** All releases, the kit and the runtime that are in use, one after the other. Empty where nothing was ever pushed. */
export async function hashTrees(connection: Connection, base: string): Promise<readonly HashedTree[]> {
  const found = await inspect(connection, base, { tools: [], programs: [] })
  const hashed: HashedTree[] = []
  for (const tree of treesOf(found)) {
    const result = await hash(connection, base, tree)
    if (result !== undefined) hashed.push(result)
  }
  return hashed
}

type Named = Pick<HashedTree, 'kind' | 'digest' | 'role'>

function treesOf(found: Inspection): readonly Named[] {
  const trees = new Map<string, Named>()
  const add = (kind: TreeKind, name: string, role: HashedTree['role']): void => {
    const digest = digestFrom(name)
    if (digest !== undefined && !trees.has(`${kind}/${digest}`)) trees.set(`${kind}/${digest}`, { kind, digest, role })
  }
  add('releases', found.currentRelease, 'current')
  add('kit', found.currentKit, 'current')
  add('runtimes', found.currentRuntime, 'current')
  add('releases', found.previousRelease, 'previous')
  for (const { digest } of found.releases) add('releases', digest, 'older')
  return [...trees.values()]
}

function digestFrom(name: string): Digest | undefined {
  try {
    return parseDigest(name)
  } catch {
    return undefined
  }
}

/** Undefined for a tree that a push has removed meanwhile. */
async function hash(connection: Connection, base: string, tree: Named): Promise<HashedTree | undefined> {
  const command = verifyCommand(base, tree.kind, tree.digest, 'read-only')
  try {
    const result = await runAnyway(connection, command, { stallMs: HASH_STALL_MS })
    if (result.exitCode === NO_TREE) {
      if (tree.role !== 'current') return undefined
      throw new FleetError('FLEET_NODE_NO_RELEASE', 'it is not there, though it is said to be current')
    }
    return { ...tree, ...parseVerification(insistOnSuccess(command, result).stdout) }
  } catch (error) {
    // A connection that is lost is the end of the look at this node.
    if (toFleetError(error).code.startsWith('FLEET_SSH_')) throw error
    return { ...tree, bad: [], extra: [], failure: messageOf(error) }
  }
}
