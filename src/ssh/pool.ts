// The connections of one transport: one for each server, whoever asks and how many at once. What always holds: a connection
// that is gone or suspect is not given to anybody; a dial ends when the last who waits for it gives up; a hop that nobody uses
// stays open for a moment, without keeping the process alive, so that working node by node does not dial it again and again.
//
//   dialling ──▶ live ──▶ (hop: resting) ──▶ closed
//       └──▶ failed (hop: remembered)
import { toFleetError, type Clock, type FleetError } from '../core/index.ts'
import { failureClass } from './failure-class.ts'
import type { LiveConnection } from './live-connection.ts'
import { orAborted } from './pause.ts'
import { abortedError, closedError } from './ssh-error.ts'
import type { Target } from './transport.ts'

export interface Lease {
  readonly live: LiveConnection
  /** True: it is kept, but nobody needs it now. */
  rest(isResting: boolean): void
  /** May be called twice. Always settles. */
  release(): Promise<void>
}

export interface Pool {
  /** Dials if nobody has. Throws what dialling threw, FLEET_SSH_ABORTED, or FLEET_SSH_CLOSED. */
  lease(target: Target, use: 'node' | 'hop', signal: AbortSignal | undefined): Promise<Lease>
  /** Ends everything. May be called twice. Always settles. */
  close(): Promise<void>
}

interface Entry {
  readonly key: string
  readonly controller: AbortController
  readonly opened: Promise<LiveConnection>
  live: LiveConnection | undefined
  users: number
  resting: number
  timer: NodeJS.Timeout | undefined
}

/** `lingerMs`: how long a hop stays open without users, and how long its passing failure speaks for the nodes behind it. */
export function createPool(
  open: (target: Target, signal: AbortSignal) => Promise<LiveConnection>,
  lingerMs: number,
  clock: Clock,
): Pool {
  const entries = new Map<string, Entry>()
  const failures = new Map<string, { readonly error: FleetError; readonly untilMs: number }>()
  const pending = new Set<Promise<unknown>>()
  let isClosed = false
  // Asked anew after every wait.
  const hasClosed = (): boolean => isClosed

  const forget = (entry: Entry): void => {
    clearTimeout(entry.timer)
    if (entries.get(entry.key) === entry) entries.delete(entry.key)
  }
  const track = <Value>(promise: Promise<Value>): Promise<Value> => {
    const settled = promise.then(
      () => undefined,
      () => undefined,
    )
    pending.add(settled)
    void settled.then(() => pending.delete(settled))
    return promise
  }
  const end = (entry: Entry): Promise<void> => {
    forget(entry)
    if (entry.live !== undefined) return track(entry.live.close())
    entry.controller.abort()
    return Promise.resolve()
  }

  const dial = (key: string, target: Target): Entry => {
    const controller = new AbortController()
    const opened = track(open(target, controller.signal))
    const entry: Entry = { key, controller, opened, live: undefined, users: 0, resting: 0, timer: undefined }
    entries.set(key, entry)
    opened.then(
      (live) => {
        entry.live = live
        failures.delete(key)
        live.whenGone(() => forget(entry))
        if (entry.users === 0 || isClosed) void end(entry)
      },
      (thrown: unknown) => {
        forget(entry)
        const error = toFleetError(thrown)
        if (error.code === 'FLEET_SSH_ABORTED') return
        const untilMs = failureClass(error.code).retry === 'never' ? Infinity : clock.monotonicMs() + lingerMs
        failures.set(key, { error, untilMs })
      },
    )
    return entry
  }

  const entryFor = (key: string, target: Target): Entry => {
    const known = entries.get(key)
    if (known !== undefined && known.live?.isSound() !== false) return known
    // Its users, if it has any, end it when they leave.
    if (known?.users === 0) void end(known)
    else if (known !== undefined) forget(known)
    return dial(key, target)
  }

  const leave = async (entry: Entry, use: 'node' | 'hop'): Promise<void> => {
    entry.users -= 1
    if (entry.users > 0) {
      restIfAll(entry)
    } else if (use === 'hop' && entry.live?.isSound() === true && entries.get(entry.key) === entry && !isClosed) {
      entry.live.rest(true)
      entry.timer = setTimeout(() => void end(entry), lingerMs)
      entry.timer.unref()
    } else {
      await end(entry)
    }
  }

  return {
    lease: async (target, use, signal) => {
      if (isClosed) throw closedError(target.node)
      if (signal?.aborted === true) throw abortedError(signal)
      const key = keyOf(target)
      const failure = failures.get(key)
      // A hop that refused us is not asked again for every node behind it.
      if (use === 'hop' && failure !== undefined && clock.monotonicMs() < failure.untilMs) throw failure.error
      const entry = entryFor(key, target)
      clearTimeout(entry.timer)
      entry.users += 1
      let live: LiveConnection
      try {
        live = await orAborted(entry.opened, signal)
        // It may have ended between its being ready and its being ours.
        if (live.isGone()) throw live.lost()
        if (hasClosed()) throw closedError(target.node)
      } catch (error) {
        await leave(entry, 'node')
        // Nobody who calls us asked for that: the dial was ended by `close`.
        throw hasClosed() && !isAborted(signal) ? closedError(target.node) : error
      }
      live.rest(false)
      let isResting = false
      let released: Promise<void> | undefined
      const rest = (wanted: boolean): void => {
        if (released !== undefined || wanted === isResting) return
        isResting = wanted
        entry.resting += wanted ? 1 : -1
        restIfAll(entry)
      }
      return {
        live,
        rest,
        release: () => {
          rest(false)
          return (released ??= leave(entry, use))
        },
      }
    },
    close: async () => {
      isClosed = true
      // Those behind a hop end first: the hop lets go of them politely only while it stands.
      const all = [...entries.values()].toSorted((a, b) => b.key.length - a.key.length)
      await Promise.all(all.map((entry) => end(entry)))
      while (pending.size > 0) await Promise.all(pending)
    },
  }
}

function isAborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true
}

function restIfAll(entry: Entry): void {
  entry.live?.rest(entry.users > 0 && entry.resting === entry.users)
}

/** Everything that decides where a connection leads and who we are there. */
function keyOf(target: Target): string {
  return JSON.stringify(target, (_name, value: unknown) => (typeof value === 'function' ? 'asked for' : value))
}
