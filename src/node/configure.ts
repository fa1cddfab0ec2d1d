// Replaces small files of a job's etc/ (settings, tokens, what is desired) on a node: all of them or none.
import type { NodeCommand } from './command.ts'
import type { Claim } from './lock/claim.ts'
import { fenced } from './lock/fence.ts'

/**
 * Reads a tar archive of small files on stdin and puts them below the base (all in `etc/`), in the order of `paths`,
 * and none of them before all have arrived. Exit codes: 0; 73 cannot create, or no space; 74 the stream broke off; 77
 * the claim is not good. Two at once: each set arrives whole, the last one stays.
 */
export function configureCommand(base: string, paths: readonly string[], claim: Claim): NodeCommand {
  return fenced({ name: 'configure', base, script: CONFIGURE, args: paths }, claim)
}

// The lock is held only while complete files are moved, never while they arrive: workers take it to read a set of files that
// belong together, and must not wait for an operator's connection.
const CONFIGURE = `
new=$base/.incoming-$$
fail() { echo "$2" >&2; rm -rf "$new"; exit "$1"; }
mkdir -p "$base/etc" && chmod 700 "$base" "$base/etc" && rm -rf "$new" && mkdir "$new" || fail 73 "cannot write to $base"
trap 'rm -rf "$new"' EXIT
tar -xf - -C "$new" || {
  { printf '%9999s' full >"$new/probe"; } 2>/dev/null || fail 73 "no space is left below $base"
  fail 74 "the archive could not be unpacked"
}
for path do [ -f "$new/$path" ] && [ ! -h "$new/$path" ] || fail 74 "the archive broke off before $path"; done
(cd "$new" && chmod 600 "$@" && sync "$@" 2>/dev/null) || sync
fenced
command exec 9>>"$base/configure.lock" && flock 9 || fail 73 "cannot lock $base/configure.lock"
for old in "$base"/.incoming-*; do
  [ "$old" = "$new" ] || kill -0 "\${old##*-}" 2>/dev/null || rm -rf "$old"
done
for path do mv "$new/$path" "$base/$path" || fail 73 "cannot write $base/$path"; done
command exec 9>&-
sync "$base/etc" 2>/dev/null || sync
`
