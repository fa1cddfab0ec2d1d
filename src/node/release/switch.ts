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
  /** Give the operator's lock back at the end, as `releaseLockCommand` does, if all went well. One command less for a node. */
  readonly thenRelease?: boolean
}

/**
 * Atomic for whoever looks: each link is replaced by rename(2), and `previous` keeps what `current` led to. Then
 * prunes: releases beyond the `keep` newest and runtimes beyond the 2 newest, never what a link leads to or a living
 * worker uses; `parsePruned` reads which. With `thenRelease` renewals wait until it is done. Idempotent. Exit codes: 0; 66 a tree is not there; 73 cannot write; 77 the
 * claim is not good; 126 programs cannot be run from there.
 */
export function switchCommand(base: string, options: SwitchOptions): NodeCommand {
  const { release = '', kit = '', runtime = '', keep, claim, thenRelease = false } = options
  const waits = claim === 'unlocked' ? 'wait' : 'evict'
  const args = [release, kit, runtime, String(keep), waits, thenRelease ? 'yes' : '']
  return fenced({ name: 'switch', base, script: SWITCH, args }, claim)
}

/** The releases that a switch has removed. */
export function parsePruned(stdout: string): readonly Digest[] {
  return [...stdout.matchAll(/^pruned\t([0-9a-f]{64})$/gm)].map(([, digest = '']) => parseDigest(digest))
}

const SWITCH = `${PATH_SH}${SYNC_SH}${TURN_SH}${PRUNE_SH}
release=$1 kit=$2 runtime=$3 keep=$4 turn=$5 then_release=$6
cannot() { echo "cannot write to $1: a full disk, a read-only file system or a wrong owner" >&2; exit 73; }
is_there() { # is_there KIND DIGEST
  [ -z "$2" ] || [ -f "$base/$1/$2/.fleet-manifest" ] || { echo "$base/$1/$2 is not there" >&2; exit 66; }
}
try_probe() {
  "$probe"
  [ $? = 42 ]
} >/dev/null 2>&1
is_there releases "$release"
is_there kit "$kit"
is_there runtimes "$runtime"
# Found here, and not by 67 workers that end with 126. What was run the last time serves again, if it still runs.
probe=$base/.probe
if ! { [ -x "$probe" ] && try_probe; }; then
  # On a full disk this cannot be tried, but a way back to the last release must still work. Nobody may find it half written, or open.
  if { printf '#!/bin/sh\\nexit 42\\n' >"$probe-$$" && chmod 700 "$probe-$$" && mv -f "$probe-$$" "$probe"; } 2>/dev/null; then
    said=$("$probe" 2>&1)
    outcome=$?
    if [ "$outcome" != 42 ]; then
      rm -f "$probe"
      echo "programs cannot be run below $base (mounted noexec?): \${said:-exit $outcome}" >&2
      exit 126
    fi
  else
    rm -f "$probe-$$" 2>/dev/null
  fi
fi
if [ -n "$runtime" ]; then
  said=$("$base/runtimes/$runtime/bin/node" --version 2>&1 >/dev/null </dev/null) || {
    echo "the runtime that was pushed does not run here: \${said%%"$newline"*}" >&2
    exit 126
  }
fi
take_turn
if [ -n "$then_release" ]; then fenced_alone; else fenced; fi
leads_to() { [ -h "$1" ] && [ "$1" -ef "$2" ]; }
point() { # point LINK TARGET
  leads_to "$1" "\${1%/*}/$2" && return
  if [ -e "$1.new" ] || [ -h "$1.new" ]; then rm -rf "$1.new"; fi
  ln -s "$2" "$1.new" && mv -T "$1.new" "$1" || cannot "$1"
}
if [ -n "$kit" ]; then point "$base/kit/current" "$kit"; fi
if [ -n "$runtime" ]; then point "$base/runtimes/current" "$runtime"; fi
if [ -n "$release" ] && ! leads_to "$base/current" "$base/releases/$release"; then
  before=
  if [ -h "$base/current" ]; then
    # Where it leads, without a process; its text, when that is not a release.
    if cd -P -- "$base/current" 2>/dev/null; then before=releases/\${PWD##*/}; fi
    leads_to "$base/current" "$base/$before" || before=$(readlink "$base/current")
  fi
  cd /
  if [ -n "$before" ]; then point "$base/previous" "$before"; fi
  point "$base/current" "releases/$release"
fi
sync_folders "$base" "$base/kit" "$base/runtimes"
prune
{ true >"$base/.receiving"; } 2>/dev/null
if [ -n "$then_release" ]; then lock_end; fi
`
