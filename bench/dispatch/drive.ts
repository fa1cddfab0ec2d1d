// Drives many clients at once, each doing one pair (settle one ID, get the next) after the other, and takes the time of each.
import { setTimeout as sleep } from 'node:timers/promises'
import { quantile } from '../statistics.ts'
import { cpuTimeMs } from './cpu-time.ts'

export interface PairClient {
  /** The first ID. */
  begin(): Promise<void>
  /** Settles the ID in hand and gets the next; false when nothing is left. */
  pair(): Promise<boolean>
  close(): void
}

export interface Drive {
  readonly pairsPerS: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** What the server paid for one pair, microseconds. */
  readonly cpuUs: number
}

/** Not counted: connections are new and nothing is compiled yet. */
const WARM_UP_MS = 1000
const MEASURE_MS = 3000

/**
 * Runs until the time is over or one client finds nothing more, whichever comes first, and closes the clients.
 * `serverPid`: whose CPU time is taken.
 */
export async function drive(clients: readonly PairClient[], serverPid: number, signal: AbortSignal): Promise<Drive> {
  try {
    await Promise.all(clients.map((client) => client.begin()))
    const begin = performance.now() + WARM_UP_MS
    let end = begin + MEASURE_MS
    const tookMs: number[] = []
    const lane = async (client: PairClient): Promise<void> => {
      for (let asked = performance.now(); asked < end && !signal.aborted;) {
        const isMore = await client.pair()
        const answered = performance.now()
        if (!isMore) end = Math.min(end, answered)
        if (answered >= begin && answered <= end) tookMs.push(answered - asked)
        asked = answered
      }
    }
    const warm = sleep(WARM_UP_MS).then(() => cpuTimeMs(serverPid))
    const [cpuBeginMs] = await Promise.all([warm, ...clients.map(lane)])
    signal.throwIfAborted()
    const seconds = (end - begin) / 1000
    if (seconds < 0.5) throw new Error('expected at least half a second of load, the IDs were used up before')
    const cpuMs = cpuTimeMs(serverPid) - cpuBeginMs
    return {
      pairsPerS: tookMs.length / seconds,
      p50Ms: quantile(tookMs, 0.5),
      p99Ms: quantile(tookMs, 0.99),
      cpuUs: (cpuMs * 1000) / tookMs.length,
    }
  } finally {
    for (const client of clients) client.close()
  }
}
