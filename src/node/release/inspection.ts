// What a node says of itself before a push: which trees it holds, what is half there, what it can run.
import type { Digest } from '../../core/index.ts'
import type { LockState } from '../lock/lock-state.ts'

/** What travels: the user's release, fleet's own programs, and a runtime for workers. Each is a folder below the base. */
export type TreeKind = 'releases' | 'kit' | 'runtimes'

/**
 * `sealed`: complete, verified once, and untouched since (size, time, mode and inode of every file). `changed`: there, but
 * not as it was sealed.
 */
export type TreeState = 'sealed' | 'changed' | 'absent'

export interface KnownRelease {
  readonly digest: Digest
  /** When it was installed, by the node's clock. Seconds since 1970. */
  readonly installedS: number
}

export interface Inspection {
  /** Absolute. */
  readonly base: string
  /** State of each tree that was asked for; `absent` for those that were not. */
  readonly trees: Readonly<Record<TreeKind, TreeState>>
  /** What `current`, `previous`, `kit/current` and `runtimes/current` lead to; empty when there is none. */
  readonly currentRelease: string
  readonly previousRelease: string
  readonly currentKit: string
  readonly currentRuntime: string
  /** Every release there, the newest first. Not told when release and kit were asked for and all is sealed: then nobody needs it. */
  readonly releases: readonly KnownRelease[]
  /**
   * Of trees that were asked for and did not arrive completely: path of a regular file -> bytes that are there. Never trusted,
   * only gone on from.
   */
  readonly staged: Readonly<Record<TreeKind, ReadonlyMap<string, number>>>
  readonly missingTools: readonly string[]
  /** Of the programs that were asked for. */
  readonly missingPrograms: readonly string[]
  /** `uname -m`, for example `x86_64`. */
  readonly machine: string
  /** Bytes that this user may still write below the base; undefined when df does not tell, or when nothing has to be sent. */
  readonly freeBytes: number | undefined
  /** What the node can unpack, besides nothing. */
  readonly decompressors: readonly ('zstd' | 'gzip')[]
  /** `v24.1.0`; empty without a node program, or when it was not asked for. */
  readonly nodeVersion: string
  /** The address from which the node sees us (sshd's SSH_CONNECTION), empty if unknown. */
  readonly controlAddress: string
  readonly lock: LockState
}
