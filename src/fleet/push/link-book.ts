// What was measured on the ways to nodes of one network. A single measurement among many uploads says little: the median of a wave says enough, and
// whoever comes after it need not measure again.

export interface LinkBook {
  /** The median of what `measure` gives for this node and for those that measure at the same time; `measure` is not called when enough others have. Undefined: nobody could tell. */
  gain(network: string, measure: () => Promise<number | undefined>): Promise<number | undefined>
}

/** As many as are pushed to at once by default. */
const ENOUGH = 10

export function createLinkBook(): LinkBook {
  const networks = new Map<string, { readonly gains: number[]; readonly running: Set<Promise<unknown>> }>()
  return {
    gain: async (network, measure) => {
      const known = networks.get(network) ?? { gains: [], running: new Set() }
      networks.set(network, known)
      const { gains, running } = known
      if (gains.length >= ENOUGH) return median(gains)
      const measuring = measure()
      running.add(measuring)
      try {
        const gain = await measuring
        if (gain === undefined) return undefined
        gains.push(gain)
      } finally {
        running.delete(measuring)
      }
      await Promise.allSettled(running)
      return median(gains)
    },
  }
}

function median(values: readonly number[]): number | undefined {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]
}
