// The one narrow interface through which the rest of the product reaches a node. ssh2 stands behind it today; the system's
// OpenSSH client may later. A local implementation runs the same commands on the control machine itself.
import type { Readable } from 'node:stream'
import type { NodeName, Secret } from '../core/index.ts'

/** Where a node is and who we are there. Everything is decided before dialling; nothing is looked up here. */
export interface Target {
  readonly node: NodeName
  /** Host name or IP address. */
  readonly address: string
  /** 1 to 65535. */
  readonly port: number
  readonly user: string
  /** Private key files to offer, in this order, after the agent's keys. Absolute paths. */
  readonly identities: readonly string[]
  /** Path of an agent's socket (SSH_AUTH_SOCK); undefined: no agent. */
  readonly agent?: string
  /** Asked for a passphrase when a key file needs one; undefined: such a key is an error that says so. */
  readonly passphrase?: (identity: string) => Promise<Secret>
}

export interface ExecOptions {
  /** What the command reads; its stdin is closed afterwards, and at once when this is left out. */
  readonly stdin?: string | Buffer | Readable
  /** Ends the call as `unknown` with FLEET_SSH_STALLED when no byte moved in either direction for so long. Milliseconds; default 60,000; 0: never. */
  readonly stallMs?: number
  /** Upper bound for the whole call. Milliseconds; default 0: none. FLEET_SSH_TIMEOUT. */
  readonly timeoutMs?: number
  /** Bytes of stdout and of stderr that are kept, each; more ends the call with FLEET_SSH_OUTPUT_LIMIT. Default 16 MiB. Not counted when `onStdout` is given. */
  readonly maxOutputBytes?: number
  /** Gets stdout as it arrives instead of its being kept. */
  readonly onStdout?: (chunk: Buffer) => void
  /** Ends the call (and closes its channel, not the connection) with FLEET_SSH_ABORTED. */
  readonly signal?: AbortSignal
}

/** How a remote command ended. A channel that closed without an exit status is neither success nor failure, and is thrown as FLEET_SSH_UNKNOWN_OUTCOME. */
export interface ExecResult {
  /** 0 to 255; undefined when a signal ended it. */
  readonly exitCode: number | undefined
  /** Without `SIG`, for example `KILL`. */
  readonly signal: string | undefined
  readonly stdout: string
  readonly stderr: string
}

/** One live connection to one node. Safe for concurrent `exec`; never more than 8 channels at once (sshd's MaxSessions is 10), the rest wait. */
export interface Connection {
  readonly node: NodeName
  /** Runs one command line in the login shell of the node. Throws FleetError (FLEET_SSH_*) when the connection or channel fails; a non-zero exit is a result, not an error. */
  exec(commandLine: string, options?: ExecOptions): Promise<ExecResult>
  /** Ends the connection; running calls end with FLEET_SSH_CLOSED. May be called twice. Always settles. */
  close(): Promise<void>
}

export interface Transport {
  /** Dials, checks the host key, authenticates. Throws FleetError with codes FLEET_SSH_*; settles within its timers, always. */
  connect(target: Target, options?: { readonly signal?: AbortSignal }): Promise<Connection>
}
