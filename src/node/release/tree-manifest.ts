// The manifest of a tree that a node holds: what can be linked from there instead of being sent.
import type { Digest } from '../../core/index.ts'
import type { NodeCommand } from '../command.ts'
import type { TreeKind } from './inspection.ts'

/** Prints it, byte for byte; the caller checks it against the digest. Exit code 66 when there is none. */
export function manifestCommand(base: string, kind: TreeKind, digest: Digest): NodeCommand {
  return { name: 'manifest', base, script: MANIFEST, args: [`${kind}/${digest}`] }
}

const MANIFEST = `
manifest=$base/$1/.fleet-manifest
[ -f "$manifest" ] && [ ! -h "$manifest" ] || { echo "there is no $manifest" >&2; exit 66; }
exec cat "$manifest"
`
