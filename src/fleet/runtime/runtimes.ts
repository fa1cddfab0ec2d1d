// The Node that `release.runtime: node` puts on nodes, for workers written in JavaScript. A node that has a recent enough one
// keeps its own. It travels like a release: verified, sealed, resumed, switched to by a rename.
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { FleetError, messageOf } from '../../core/index.ts'
import type { Inspection } from '../../node/index.ts'
import type { Tree } from '../push/tree.ts'
import { createManifest } from '../release/manifest.ts'
import { architectureOf, RUNTIME_PROGRAMS, type Architecture } from './architecture.ts'
import { findNode, pinnedVersion } from './find-node.ts'

export interface Runtimes {
  /** To be asked for among the programs of an inspection; of each node, all but one are missing as a rule. */
  readonly programs: readonly string[]
  /**
   * What this node needs; undefined when its own Node will do. The inspection must have asked for the node program and for `programs`.
   * Throws FLEET_RUNTIME_UNSUPPORTED, FLEET_RUNTIME_NO_LIBC or FLEET_RUNTIME_MISSING.
   */
  runtimeFor(found: Pick<Inspection, 'machine' | 'nodeVersion' | 'missingPrograms'>): Promise<Tree | undefined>
}

/** For one run: each pinned Node is read once, however many nodes need it. */
export function createRuntimes(): Runtimes {
  const trees = new Map<string, Promise<Tree>>()
  const treeFor = (architecture: Architecture['name']): Promise<Tree> => {
    const known = trees.get(architecture)
    if (known !== undefined) return known
    const tree = runtimeTree(architecture)
    trees.set(architecture, tree)
    return tree
  }
  return {
    programs: RUNTIME_PROGRAMS,
    runtimeFor: async (found) => {
      if (isRecentEnough(found.nodeVersion, pinnedVersion())) return undefined
      const { name, interpreter } = architectureOf(found.machine)
      if (found.missingPrograms.includes(interpreter)) throw noLibcError(interpreter)
      return treeFor(name)
    },
  }
}

/** Is it of the pinned one's major version (which is what programs are written for), or of a later one? `version` as `node --version` prints it, or empty. */
export function isRecentEnough(version: string, pinned: string): boolean {
  const major = /^v(\d{1,4})\.\d+\.\d+/.exec(version.trim())?.[1]
  return major !== undefined && Number(major) >= Number.parseInt(pinned, 10)
}

async function runtimeTree(architecture: Architecture['name']): Promise<Tree> {
  const { file } = findNode(architecture)
  try {
    const { size } = await stat(file)
    const sha256 = await digestOf(file)
    const manifest = createManifest([{ path: 'bin/node', mode: '755', sizeBytes: size, sha256 }])
    return { kind: 'runtimes', manifest, contentOf: () => ({ file }) }
  } catch (error) {
    throw new FleetError('FLEET_RUNTIME_MISSING', `cannot read the pinned Node, ${file}: ${messageOf(error)}`, {
      remedy: 'install the package again: npm ci, in the folder of fleet',
      cause: error,
    })
  }
}

async function digestOf(file: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20 })) hash.update(chunk as Buffer)
  return hash.digest('hex')
}

function noLibcError(interpreter: string): FleetError {
  return new FleetError(
    'FLEET_RUNTIME_NO_LIBC',
    `expected the node to have ${interpreter}, without which the pinned Node does not start: it has another C library than glibc`,
    {
      remedy: `install Node.js ${Number.parseInt(pinnedVersion(), 10)} or later there by its own package manager (Alpine: apk add nodejs)`,
    },
  )
}
