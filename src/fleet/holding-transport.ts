// A transport that keeps the connection to each node until the end of a command of several phases, so that no node is dialled once
// for each of them. What always holds: whoever connects has a hold of its own, and closing that ends its own calls only.
import type { Connection, Target, Transport } from '../ssh/index.ts'

/** Sockets of one process; more nodes than this are dialled anew in each phase. */
const MAX_HELD = 256

/** `inner` shares the connection to a target among those who hold it, and never gives out one that is gone; `close` closes it too. */
export function holdConnections(inner: Transport, most = MAX_HELD): Transport {
  // By identity: the targets of a command live as long as it does.
  const held = new Map<Target, Promise<Connection | undefined>>()
  let isClosed = false

  /** One more hold on what is open, in place of the last one, whose connection may be gone. */
  const hold = (target: Target): void => {
    const old = held.get(target)
    if (isClosed || (old === undefined && held.size >= most)) return
    const fresh = inner.connect(target).catch(() => undefined)
    held.set(target, fresh)
    void old?.then((connection) => connection?.close())
  }

  return {
    connect: async (target, options) => {
      const connection = await inner.connect(target, options)
      hold(target)
      return connection
    },
    close: async () => {
      isClosed = true
      const all = [...held.values()]
      held.clear()
      await Promise.all([inner.close(), ...all.map(async (fresh) => (await fresh)?.close())])
    },
  }
}
