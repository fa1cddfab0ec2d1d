// Takes a tree from a stream. It lies under another name until every file in it has been verified and is on the disk; only
// then does rename(2) give it its final name. So a name that exists is complete, and what breaks off is gone on from.
import type { Digest } from '../../core/index.ts'
import type { NodeCommand } from '../command.ts'
import type { Claim } from '../lock/claim.ts'
import { fenced } from '../lock/fence.ts'
import { CHECK_SH } from './check-script.ts'
import { FEW_SH } from './few-script.ts'
import type { TreeKind } from './inspection.ts'
import { INSTALL_SH } from './install-script.ts'
import { LIST_SH } from './list-script.ts'
import { PATH_SH } from './path-script.ts'
import { STAGE_SH } from './stage-script.ts'
import { SYNC_SH } from './sync-script.ts'
import { TURN_SH } from './turn-script.ts'
import { UNPACK_SH } from './unpack-script.ts'

export interface ReceiveOptions {
  readonly claim: Claim
  /** How the stream is packed. */
  readonly compression: 'none' | 'gzip' | 'zstd'
  /** `mend`: the tree is there, damaged, and the stream holds good copies of its bad files. */
  readonly how: 'new' | 'mend'
  /** Of the whole tree. From 4 MiB on, a faster program than sha256sum is looked for. */
  readonly contentBytes: number
}

/**
 * Reads a tar archive on stdin and makes the tree `<kind>/<digest>` of it. Idempotent. The archive holds
 * `plan/manifest`, then what says how to fill the tree from trees that are there (`plan/same/<kind>/<digest>`,
 * `plan/moved`, `plan/rests`), then `tree/<path>` and `rest/<n>`. Exit codes: 0 installed, mended or already there; 73
 * cannot write, no space left, no quota; 74 the stream broke off (what came is kept), or files are not as the manifest
 * says: they are printed for `parseVerification` and wanted again; 75 another push does not end; 77 the claim is not
 * good. With a real claim, whatever older push hangs there is ended; `unlocked` ones wait for each other.
 */
export function receiveCommand(base: string, kind: TreeKind, digest: Digest, options: ReceiveOptions): NodeCommand {
  const { claim, compression, how, contentBytes } = options
  const turn = claim === 'unlocked' ? 'wait' : 'evict'
  const big = contentBytes >= 4 * 1024 * 1024 ? 'yes' : ''
  return fenced({ name: 'receive', base, script: RECEIVE, args: [kind, digest, how, compression, big, turn] }, claim)
}

const RECEIVE = `${PATH_SH}${LIST_SH}${FEW_SH}${CHECK_SH}${SYNC_SH}${TURN_SH}${UNPACK_SH}${STAGE_SH}${INSTALL_SH}
kind=$1 digest=$2 how=$3 compression=$4 big=$5 turn=$6
dir=$base/$kind new=$base/$kind/.incoming-$digest seal=$base/$kind/.sealed/$digest
work=$new/work few=
prepare
unpack
stage
if [ "$how" = mend ] && [ -d "$dir/$digest" ]; then mend; else install; fi
cd /
exec rm -rf "$new" "$base/.receiving"
`
