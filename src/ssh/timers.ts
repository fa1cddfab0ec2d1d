// How long each phase of a connection may take. Every phase has its own, so that a failure says where it happened.

export interface Timers {
  /** For a name to be resolved. Milliseconds, like all of these. Default 10,000. */
  readonly dnsMs: number
  /** For the TCP connection, or for a hop to open it. Default 10,000. */
  readonly connectMs: number
  /** For the server's greeting. Default 20,000. */
  readonly bannerMs: number
  /** For the key exchange. Default 20,000. */
  readonly keyExchangeMs: number
  /** For authentication; the time that a person takes to answer does not count. Default 20,000. Also the most that an agent may take to list its keys. */
  readonly authMs: number
  /** For a channel to open on a connection that stands. Default 20,000. */
  readonly channelMs: number
  /** The `stallMs` of calls that name none. Default 60,000. */
  readonly idleMs: number
  /** Between keepalives on a silent connection; after three without an answer it counts as lost. Default 15,000. */
  readonly keepaliveMs: number
  /** How long a hop stays open that nobody uses. Default 10,000. */
  readonly lingerMs: number
  /** The first and the longest wait between two attempts. Default 250 and 8,000. */
  readonly backoffMs: readonly [number, number]
  /** The same after a ban: OpenSSH's shortest and longest (PerSourcePenalties). Default 15,000 and 600,000. */
  readonly penaltyMs: readonly [number, number]
}

export const DEFAULT_TIMERS: Timers = {
  dnsMs: 10_000,
  connectMs: 10_000,
  bannerMs: 20_000,
  keyExchangeMs: 20_000,
  authMs: 20_000,
  channelMs: 20_000,
  idleMs: 60_000,
  keepaliveMs: 15_000,
  lingerMs: 10_000,
  backoffMs: [250, 8000],
  penaltyMs: [15_000, 600_000],
}
