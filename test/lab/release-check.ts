// Looks at the release that a node has in use, by other means than fleet's: with the node's own sha256sum.
import type { Lab } from './lab.ts'
import { must } from './node-changes.ts'

/** Digest of what `current` leads to; empty when there is none. */
export async function currentRelease(lab: Lab, node: number, base: string): Promise<string> {
  return (await must(lab, node, `readlink ${base}/current || true`)).trim().replace(/^releases\//, '')
}

/**
 * What is wrong with the release in use, one line each, empty when nothing is: its name must be the digest of its manifest, and its files
 * exactly those of the manifest, with that content and mode. A node that has none yet is well.
 */
export async function faultsOfCurrent(lab: Lab, node: number, base: string): Promise<string> {
  return (await must(lab, node, CHECK.replaceAll('@base@', base))).trim()
}

/** Names that only a push in work may leave, below the base. */
export async function unfinishedOn(lab: Lab, node: number, base: string): Promise<string> {
  return (await must(lab, node, `find ${base} -name '.incoming*' -o -name '*.new'`)).trim()
}

const CHECK = `
[ -e @base@/current ] || [ ! -L @base@/current ] || { echo 'current leads nowhere'; exit 0; }
[ -e @base@/current ] || exit 0
digest=$(basename "$(readlink @base@/current)")
cd @base@/releases/$digest/ || exit 1
[ "$(sha256sum <.fleet-manifest | cut -d' ' -f1)" = "$digest" ] || echo "$digest: the manifest has another digest"
grep -v '^link ' .fleet-manifest | cut -d' ' -f3- | sha256sum -c --quiet 2>&1
[ "$(find . ! -type d | wc -l)" -eq $(($(wc -l <.fleet-manifest) + 1)) ] || echo "$digest: more or fewer files than the manifest names"
grep '^755 ' .fleet-manifest | cut -d' ' -f5- | while IFS= read -r path; do [ -x "$path" ] || echo "$path is not executable"; done
:`
