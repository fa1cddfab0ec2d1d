// Tells when a worker began: each writes `NAME PID` into a named pipe as the first thing it does, and the line is stamped here.
import { constants, openSync } from 'node:fs'
import { Socket } from 'node:net'
import { createInterface } from 'node:readline'

export interface Birth {
  readonly atMs: number
  /** As the worker's own PID namespace knows it. */
  readonly pid: number
}

export interface Births extends Disposable {
  /** The last birth under that name, if any. */
  last(name: string): Birth | undefined
  /** The first birth under that name after `afterMs`. Rejects after 30 seconds, or when the signal comes. */
  next(name: string, afterMs: number): Promise<Birth>
}

const PATIENCE_MS = 30_000

/** `file`: a named pipe. */
export function watchBirths(file: string, signal: AbortSignal): Births {
  // Open for writing too, so that there is no end of file between two writers.
  const pipe = new Socket({ fd: openSync(file, constants.O_RDWR | constants.O_NONBLOCK) })
  const known = new Map<string, Birth>()
  const waiting = new Map<string, { afterMs: number; answer: PromiseWithResolvers<Birth> }>()
  createInterface(pipe).on('line', (line) => {
    const birth = { atMs: performance.now(), pid: Number(line.split(' ')[1]) }
    const [name = ''] = line.split(' ')
    known.set(name, birth)
    const waiter = waiting.get(name)
    if (waiter !== undefined && birth.atMs > waiter.afterMs) waiter.answer.resolve(birth)
  })
  return {
    last: (name) => known.get(name),
    next: async (name, afterMs) => {
      const birth = known.get(name)
      if (birth !== undefined && birth.atMs > afterMs) return birth
      const answer = Promise.withResolvers<Birth>()
      const giveUp = (): void => answer.reject(new Error(`expected a new worker in ${name}, none came`))
      const timer = setTimeout(giveUp, PATIENCE_MS)
      signal.addEventListener('abort', giveUp, { once: true })
      waiting.set(name, { afterMs, answer })
      try {
        return await answer.promise
      } finally {
        clearTimeout(timer)
        signal.removeEventListener('abort', giveUp)
        waiting.delete(name)
      }
    },
    [Symbol.dispose]: () => void pipe.destroy(),
  }
}
