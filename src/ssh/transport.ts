// The one narrow interface through which the rest of the product reaches a node. ssh2 stands behind it today; the system's
// OpenSSH client may later. A local implementation runs the same commands on the control machine itself.
import type { Readable } from 'node:stream'
import type { NodeName, Secret } from '../core/index.ts'

/** Where an SSH server is and who we are there: a node, or a hop on the way to one. Everything is decided before dialling; nothing is looked up here. */
export interface Target {
  /** How messages call it. */
  readonly node: NodeName
  /** Host name or IP address. Behind a hop, the hop resolves it. */
  readonly address: string
  /** 1 to 65535. */
  readonly port: number
  readonly user: string
  /** Private key files to offer, in OpenSSH's order with the agent's keys. Absolute paths. */
  readonly identities: readonly string[]
  /** True: of the agent's keys, only those that `identities` names. Default false. */
  readonly identitiesOnly?: boolean
  /** Path of an agent's socket (SSH_AUTH_SOCK); undefined: no agent. */
  readonly agent?: string
  /** What is trusted there, where it differs from the transport's own. */
  readonly hostKeys?: TargetHostKeys
  /** The server through which this one is reached (which may have one itself). All targets behind it share one connection to it. */
  readonly via?: Target
  /** For the TCP connection, instead of the transport's timer. Milliseconds. */
  readonly connectTimeoutMs?: number
  /** What was asked for and cannot be done, one sentence each; said when authentication fails. */
  readonly notes?: readonly string[]
  /** Asked for a passphrase when a key file needs one; undefined: such a key is an error that says so. */
  readonly passphrase?: (identity: string) => Promise<Secret>
  /** Asked for the password when the server takes one and no key was accepted; undefined: no password is offered. */
  readonly password?: () => Promise<Secret>
}

export interface TargetHostKeys {
  /** Absolute paths, all are read; new keys go to the first. */
  readonly files?: readonly string[]
  /** Record the key of a server that has none yet. A changed or revoked key is refused all the same. */
  readonly acceptNew?: boolean
  /** The name under which the key is looked up and recorded, instead of address and port (ssh_config(5), HostKeyAlias). */
  readonly alias?: string
}

export interface ExecOptions {
  /** What the command reads; its stdin is closed afterwards, and at once when this is left out. */
  readonly stdin?: string | Buffer | Readable
  /** Ends the call as `unknown` with FLEET_SSH_STALLED when no byte moved in either direction for so long. Milliseconds; default 60,000; 0: never. */
  readonly stallMs?: number
  /** Upper bound for the whole call. Milliseconds; default 0: none. FLEET_SSH_TIMEOUT. */
  readonly timeoutMs?: number
  /** Bytes of stdout and of stderr that are kept, each; more ends the call with FLEET_SSH_OUTPUT_LIMIT. Default 16 MiB. A stream that has a listener is not kept and not counted. */
  readonly maxOutputBytes?: number
  /** Gets stdout as it arrives instead of its being kept. */
  readonly onStdout?: (chunk: Buffer) => void
  /** The same for stderr. */
  readonly onStderr?: (chunk: Buffer) => void
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

/** What became known of a server while the connection was made. Times in milliseconds, of the attempt that succeeded. */
export interface ConnectionFacts {
  readonly address: string
  readonly port: number
  /** Address that was dialled, after name resolution; undefined behind a hop. */
  readonly ip: string | undefined
  /** The name of every hop, the first one first. */
  readonly via: readonly string[]
  readonly attempts: number
  /** A phase that did not happen (name resolution of an IP address, or behind a hop, which does it) is 0; behind a hop `connectMs` is the hop's. */
  readonly phases: {
    readonly queueMs: number
    readonly dnsMs: number
    readonly connectMs: number
    readonly bannerMs: number
    readonly keyExchangeMs: number
    readonly authenticationMs: number
  }
  /** The server's greeting, for example `SSH-2.0-OpenSSH_9.2p1 Debian-2`. */
  readonly greeting: string
  readonly keyExchange: string
  readonly hostKeyAlgorithm: string
  readonly cipher: string
  /** The key or method that was accepted, as messages name it. */
  readonly accepted: string
}

/** One live connection to one node. Safe for concurrent `exec`; never more than 8 channels at once (sshd's MaxSessions is 10), the rest wait. */
export interface Connection {
  readonly node: NodeName
  /** Undefined for a connection that is none (the control machine itself). */
  readonly facts: ConnectionFacts | undefined
  /** Runs one command line in the login shell of the node. Throws FleetError (FLEET_SSH_*) when the connection or channel fails; a non-zero exit is a result, not an error. */
  exec(commandLine: string, options?: ExecOptions): Promise<ExecResult>
  /** Ends the connection; running calls end with FLEET_SSH_CLOSED. May be called twice. Always settles. */
  close(): Promise<void>
}

export interface Transport {
  /** Dials, checks the host key, authenticates. Throws FleetError with codes FLEET_SSH_*; settles within its timers, always. */
  connect(target: Target, options?: { readonly signal?: AbortSignal }): Promise<Connection>
  /** Ends every connection that is still open, those to hops included. May be called twice. Always settles. */
  close(): Promise<void>
}
