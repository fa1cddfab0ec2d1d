// What a push does on a node, as commands: look, receive, switch. A received tree lies under a temporary name until every
// file in it has been verified and is on the disk; only then does rename(2) give it its final name. So a name that exists is complete.
import type { Digest } from '../../core/index.ts'
import type { NodeCommand } from '../command.ts'

/** The two kinds of trees that travel: the user's release, and fleet's own programs. */
export type TreeKind = 'releases' | 'kit'

/** What every node must have; `curl` only where `exec` workers run. */
export const REQUIRED_TOOLS = ['flock', 'setsid', 'sha256sum', 'tar'] as const

export interface WantedDigests {
  /** Undefined: whichever is current. */
  readonly release?: Digest
  readonly kit: Digest
}

/** Says what is there; changes nothing. One round trip is all that an unchanged release costs. Parsed by `parseInspection`. */
export function inspectCommand(base: string, digests: WantedDigests, tools: readonly string[]): NodeCommand {
  return { name: 'inspect', base, script: INSPECT, args: [digests.release ?? 'none', digests.kit, ...tools] }
}

/**
 * Reads a tar archive of one tree on stdin (its manifest included) and installs it as `<kind>/<digest>`. Idempotent. Exit codes:
 * 0 installed or already there; 73 cannot create, or no space; 74 verification failed or the stream broke off. Waits while another push is at work there.
 */
export function receiveCommand(base: string, kind: TreeKind, digest: Digest): NodeCommand {
  return { name: 'receive', base, script: RECEIVE, args: [kind, digest] }
}

/** Makes `current` and `kit/current` point to trees that are there (exit 66 if not). Atomic: rename(2) of a symbolic link. */
export function activateCommand(
  base: string,
  digests: { readonly release?: Digest; readonly kit?: Digest },
): NodeCommand {
  return { name: 'activate', base, script: ACTIVATE, args: [digests.release ?? '', digests.kit ?? ''] }
}

/**
 * Reads a tar archive of small files on stdin and puts them below the base (all in `etc/`), in the order of `paths`, and none of them before all have arrived.
 * Exit codes: 0; 73 cannot create, or no space; 74 the stream broke off. Two operators at once: each set arrives whole, the last one stays.
 */
export function configureCommand(base: string, paths: readonly string[]): NodeCommand {
  return { name: 'configure', base, script: CONFIGURE, args: paths }
}

export interface Inspection {
  /** Absolute. */
  readonly base: string
  readonly hasRelease: boolean
  readonly hasKit: boolean
  /** What `current` and `kit/current` point to; empty when there is none. */
  readonly currentRelease: string
  readonly currentKit: string
  readonly missingTools: readonly string[]
  /** The address from which the node sees us (sshd's SSH_CONNECTION), empty if unknown. */
  readonly controlAddress: string
}

export function parseInspection(stdout: string): Inspection {
  const values = new Map<string, string>()
  for (const line of stdout.split('\n')) {
    // A login shell may print anything before us: only our own lines count.
    const match = /^fleet-inspect ([a-z-]+)=(.*)$/.exec(line)
    if (match?.[1] !== undefined && match[2] !== undefined) values.set(match[1], match[2])
  }
  return {
    base: values.get('base') ?? '',
    hasRelease: values.get('has-release') === 'yes',
    hasKit: values.get('has-kit') === 'yes',
    currentRelease: values.get('current-release') ?? '',
    currentKit: values.get('current-kit') ?? '',
    missingTools: (values.get('missing') ?? '').split(' ').filter((tool) => tool !== ''),
    controlAddress: values.get('control') ?? '',
  }
}

const INSPECT = `
release=$1 kit=$2; shift 2
# What a worker will find, not what this login happens to find (kit/lib.sh).
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:\${base%/*}/.bin
say() { printf 'fleet-inspect %s\\n' "$1"; }
target() { t=$(readlink "$1" 2>/dev/null) && printf '%s' "\${t##*/}"; }
echo
say "base=$base"
[ -d "$base/releases/$release" ] && say has-release=yes
[ -d "$base/kit/$kit" ] && say has-kit=yes
say "current-release=$(target "$base/current")"
say "current-kit=$(target "$base/kit/current")"
missing=
for tool do command -v "$tool" >/dev/null 2>&1 || missing="$missing $tool"; done
say "missing=$missing"
client=\${SSH_CONNECTION:-}
say "control=\${client%% *}"
:`

// In the C locale names are bytes. Whether the disk is full is found by writing: GNU tar only says that it wrote less.
const UNPACK = `
LC_ALL=C tar -xf - -C "$new" || {
  { printf '%9999s' full >"$new/probe"; } 2>/dev/null || fail "no space is left below $base" 73
  fail "the archive could not be unpacked"
}
`

// The lock is held while the tree arrives, so whatever other temporary tree is there was left by a push that died.
const RECEIVE = `
kind=$1 digest=$2 dir=$base/$1
mkdir -p "$dir" && command exec 9>>"$base/push.lock" || { echo "cannot write to $base" >&2; exit 73; }
chmod 700 "$base"
flock 9
[ -d "$dir/$digest" ] && { cat >/dev/null; exit 0; }
new=$dir/.incoming-$digest
chmod -R u+w "$dir"/.incoming-* 2>/dev/null
rm -rf "$dir"/.incoming-* && mkdir "$new" || { echo "cannot write to $dir" >&2; exit 73; }
fail() { echo "$1" >&2; chmod -R u+w "$new"; rm -rf "$new"; exit "\${2:-74}"; }
${UNPACK}cd "$new" || fail "$new is gone"
manifest=.fleet-manifest
[ "$(sha256sum <"$manifest" | cut -d' ' -f1)" = "$digest" ] || fail "the manifest does not match the digest $digest"
said=$(cut -d' ' -f3- "$manifest" | sha256sum -c - 2>&1) || fail "verification failed: $(printf '%s\\n' "$said" | grep -v ': OK$')"
while IFS= read -r line; do
  path=\${line#*  }
  case $line in 755*) [ -x "$path" ] || fail "not executable: $path" ;; esac
done <"$manifest"
[ "$(find . ! -type d | wc -l)" -eq "$(($(wc -l <"$manifest") + 1))" ] || fail "the tree holds files that its manifest does not name"
chmod -R a-w . && sync -f . 2>/dev/null || sync
mv "$new" "$dir/$digest" || fail "cannot give the tree its final name"
sync -f "$dir" 2>/dev/null || sync
`

const ACTIVATE = `
release=$1 kit=$2
command exec 9>>"$base/push.lock" || exit 73
flock 9
point() { # point LINK TARGET
  [ "$(readlink "$1" 2>/dev/null)" = "$2" ] && return
  ln -sfn "$2" "$1.new" && mv -T "$1.new" "$1" || { echo "cannot switch $1" >&2; exit 73; }
}
if [ -n "$kit" ]; then
  [ -d "$base/kit/$kit" ] || { echo "$base/kit/$kit is not there" >&2; exit 66; }
  point "$base/kit/current" "$kit"
fi
if [ -n "$release" ]; then
  [ -d "$base/releases/$release" ] || { echo "$base/releases/$release is not there" >&2; exit 66; }
  point "$base/current" "releases/$release"
fi
sync -f "$base" 2>/dev/null || sync
`

// The lock is held only while complete files are moved, never while they arrive: workers take it to read a set of files that
// belong together, and must not wait for an operator's connection.
const CONFIGURE = `
new=$base/.incoming-$$
fail() { echo "$2" >&2; rm -rf "$new"; exit "$1"; }
mkdir -p "$base/etc" && chmod 700 "$base" "$base/etc" && mkdir "$new" || fail 73 "cannot write to $base"
tar -xf - -C "$new" || fail 74 "the archive could not be unpacked"
for path do [ -f "$new/$path" ] || fail 74 "the archive broke off before $path"; done
sync -f "$new" 2>/dev/null || sync
command exec 9>>"$base/configure.lock" && flock 9 || fail 73 "cannot lock $base/configure.lock"
for old in "$base"/.incoming-*; do
  [ "$old" = "$new" ] || kill -0 "\${old##*-}" 2>/dev/null || rm -rf "$old"
done
for path do chmod 600 "$new/$path" && mv "$new/$path" "$base/$path" || fail 73 "cannot write $base/$path"; done
command exec 9>&-
rm -rf "$new"
sync -f "$base/etc" 2>/dev/null || sync
`
