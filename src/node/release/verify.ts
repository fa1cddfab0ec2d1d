// Hashes a tree that is installed: the only way to notice bits that flipped behind everyone's back.
import type { Digest } from '../../core/index.ts'
import type { NodeCommand } from '../command.ts'
import type { Claim } from '../lock/claim.ts'
import { fenced } from '../lock/fence.ts'
import { CHECK_SH } from './check-script.ts'
import { FEW_SH } from './few-script.ts'
import type { TreeKind } from './inspection.ts'
import { LIST_SH } from './list-script.ts'
import { PATH_SH } from './path-script.ts'
import { SYNC_SH } from './sync-script.ts'
import { TURN_SH } from './turn-script.ts'

/**
 * Prints what is wrong for `parseVerification`. A tree that is as its manifest says gets its seal (again), one that is
 * not loses it, so that no push trusts it; with `read-only` nothing is written. Takes its turn among pushes, as
 * `receiveCommand` does. Exit codes: 0 in both cases; 66 there is no such tree; 73 cannot write; 77 the claim is not
 * good.
 */
export function verifyCommand(base: string, kind: TreeKind, digest: Digest, claim: Claim | 'read-only'): NodeCommand {
  const isReadOnly = claim === 'read-only'
  const command = {
    name: 'verify',
    base,
    script: VERIFY,
    args: [kind, digest, isReadOnly ? '' : 'seal', claim === 'unlocked' ? 'wait' : 'evict'],
  }
  return fenced(command, isReadOnly ? 'unlocked' : claim)
}

const VERIFY = `${PATH_SH}${LIST_SH}${FEW_SH}${CHECK_SH}${SYNC_SH}${TURN_SH}
kind=$1 digest=$2 seals=$3 turn=$4 dir=$base/$1 seal=$base/$1/.sealed/$2
[ -d "$dir/$digest" ] || { echo "there is no $dir/$digest" >&2; exit 66; }
cannot() { echo "cannot write to $1: a full disk, a read-only file system or a wrong owner" >&2; exit 73; }
drop() { rm -rf "$work".*; }
if [ -n "$seals" ]; then
  work=$dir/.sealed/.$digest
  mkdir -p "$dir/.sealed" 2>/dev/null || cannot "$base"
  take_turn
  drop
else
  private=$(mktemp -d) || cannot "\${TMPDIR:-/tmp}"
  work=$private/work
  drop() { rm -rf "$private"; }
fi
trap drop EXIT
trap 'exit 1' HUP INT TERM PIPE
cd -- "$dir/$digest" || exit 66
list=$work.list few=
big=; set -- $(du -sk . 2>/dev/null); [ "\${1:-0}" -lt 4096 ] || big=yes
if check_tree "$digest"; then
  [ -n "$seals" ] || exit 0
  sync_files "$list"
  fenced
  mv -fT "$list" "$seal" || cannot "$dir/.sealed"
  sync_folders "$dir/.sealed"
else
  [ ! -s "$work.bad" ] || sed "s/^/bad$tab/" "$work.bad"
  [ ! -s "$work.extra" ] || sed "s/^/extra$tab/" "$work.extra"
  [ -n "$seals" ] || exit 0
  fenced
  rm -f "$seal"
fi
`
