// A first-come first-served limit on how many may be inside at once. Synchronous and without promises, so that whoever
// waits can leave at any moment (aborted, timed out, connection lost) and nothing is left behind.

export interface Ticket {
  /** Leaves the queue, or makes room for the next one. May be called twice. */
  readonly leave: () => void
}

export interface Gate {
  /** Calls `onGranted` as soon as there is room: at once, before this returns, if there is room now. */
  readonly enter: (onGranted: () => void) => Ticket
  /** Changes how many fit, at least 1. Those inside stay inside. */
  readonly resize: (capacity: number) => void
  readonly capacity: number
  /** How many are inside now. */
  readonly inside: number
}

export function createGate(initialCapacity: number): Gate {
  let capacity = Math.max(1, initialCapacity)
  let inside = 0
  const queue = new Set<() => void>()

  const admit = (): void => {
    for (const grant of queue) {
      if (inside >= capacity) return
      queue.delete(grant)
      inside += 1
      grant()
    }
  }

  return {
    enter: (onGranted) => {
      let state: 'waiting' | 'inside' | 'left' = 'waiting'
      const grant = (): void => {
        state = 'inside'
        onGranted()
      }
      queue.add(grant)
      admit()
      return {
        leave: () => {
          if (state === 'left') return
          if (state === 'inside') inside -= 1
          state = 'left'
          queue.delete(grant)
          admit()
        },
      }
    },
    resize: (wanted) => {
      capacity = Math.max(1, wanted)
      admit()
    },
    get capacity() {
      return capacity
    },
    get inside() {
      return inside
    },
  }
}
