// Makes trees that are there the current ones, and removes releases that nobody needs any more.
import { parseDigest, type Digest } from '../../core/index.ts'
import type { NodeCommand } from '../command.ts'
import type { Claim } from '../lock/claim.ts'
import { fenced } from '../lock/fence.ts'
import { PATH_SH } from './path-script.ts'
import { PRUNE_SH } from './prune-script.ts'
import { SYNC_SH } from './sync-script.ts'
import { TURN_SH } from './turn-script.ts'

/** A digest that is left out: that link stays. */
export interface SwitchOptions {
  readonly release?: Digest
  readonly kit?: Digest
  readonly runtime?: Digest
  /** How many releases may stay, from 1: the newest. */
  readonly keep: number
  readonly claim: Claim
}

/**
 * Atomic for whoever looks: each link is replaced by rename(2), and `previous` keeps what `current` led to. Then
 * prunes: releases beyond the `keep` newest and runtimes beyond the 2 newest, never what a link leads to or a living
 * worker uses; `parsePruned` reads which. Idempotent. Exit codes: 0; 66 a tree is not there; 73 cannot write; 77 the
 * claim is not good; 126 programs cannot be run from there.
 */
export function switchCommand(base: string, options: SwitchOptions): NodeCommand {
  const { release = '', kit = '', runtime = '', keep, claim } = options
  const waits = claim === 'unlocked' ? 'wait' : 'evict'
  return fenced({ name: 'switch', base, script: SWITCH, args: [release, kit, runtime, String(keep), waits] }, claim)
}

/** The releases that a switch has removed. */
export function parsePruned(stdout: string): readonly Digest[] {
  return [...stdout.matchAll(/^pruned\t([0-9a-f]{64})$/gm)].map(([, digest = '']) => parseDigest(digest))
}

const SWITCH = `${PATH_SH}${SYNC_SH}${TURN_SH}${PRUNE_SH}
release=$1 kit=$2 runtime=$3 keep=$4 turn=$5
cannot() { echo "cannot write to $1: a full disk, a read-only file system or a wrong owner" >&2; exit 73; }
is_there() { # is_there KIND DIGEST
  [ -z "$2" ] || [ -f "$base/$1/$2/.fleet-manifest" ] || { echo "$base/$1/$2 is not there" >&2; exit 66; }
}
is_there releases "$release"
is_there kit "$kit"
is_there runtimes "$runtime"
# Found here, and not by 67 workers that end with 126.
probe=$base/.probe-$$
outcome=42
# On a full disk this cannot be tried, but a way back to the last release must still work.
if { printf '#!/bin/sh\\nexit 42\\n' >"$probe" && chmod 700 "$probe"; } 2>/dev/null; then
  said=$("$probe" 2>&1)
  outcome=$?
fi
rm -f "$probe" 2>/dev/null
if [ "$outcome" != 42 ]; then
  echo "programs cannot be run below $base (mounted noexec?): \${said:-exit $outcome}" >&2
  exit 126
fi
if [ -n "$runtime" ]; then
  said=$("$base/runtimes/$runtime/bin/node" --version 2>&1 >/dev/null </dev/null) || {
    echo "the runtime that was pushed does not run here: \${said%%"$newline"*}" >&2
    exit 126
  }
fi
take_turn
fenced
point() { # point LINK TARGET
  [ "$(readlink "$1" 2>/dev/null)" = "$2" ] && return
  rm -rf "$1.new" && ln -s "$2" "$1.new" && mv -T "$1.new" "$1" || cannot "$1"
}
if [ -n "$kit" ]; then point "$base/kit/current" "$kit"; fi
if [ -n "$runtime" ]; then point "$base/runtimes/current" "$runtime"; fi
if [ -n "$release" ]; then
  before=$(readlink "$base/current" 2>/dev/null)
  case $before in
    '' | "releases/$release") ;;
    *) point "$base/previous" "$before" ;;
  esac
  point "$base/current" "releases/$release"
fi
sync_folders "$base" "$base/kit" "$base/runtimes"
prune
rm -f "$base/.receiving"
`
