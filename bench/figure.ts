// What a benchmark says: one number of ours beside those of the peers from the same run, and whether the goal is met. A figure
// that could not be measured is there all the same, with the reason; nothing is left out in silence.

export interface Figure {
  readonly figure: string
  /** Null when it could not be measured; `note` says why. */
  readonly ours: number | null
  readonly unit: string
  readonly peers: Readonly<Record<string, number>>
  /** Ours divided by the peer or limit that the goal names; null when there is none. */
  readonly ratio: number | null
  readonly goal: string
  /** Measured, and the goal is met. A figure without a goal only has to be measured. */
  readonly ok: boolean
  readonly note?: string
}

export interface Goal {
  readonly text: string
  /** The number that the ratio is taken against; undefined when it is missing. */
  readonly against: (peers: Readonly<Record<string, number>>) => number | undefined
  readonly isMet: (ours: number, against: number) => boolean
}

export interface Measured {
  readonly figure: string
  readonly unit: string
  readonly ours: number
  readonly peers: Readonly<Record<string, number>>
  readonly goal: Goal
  readonly note?: string | undefined
}

export function atMost(factor: number, peer: string): Goal {
  return {
    text: `at most ${factor} x ${peer}`,
    against: (peers) => peers[peer],
    isMet: (ours, against) => ours <= factor * against,
  }
}

export function atLeast(factor: number, peer: string): Goal {
  return {
    text: `at least ${factor} x ${peer}`,
    against: (peers) => peers[peer],
    isMet: (ours, against) => ours >= factor * against,
  }
}

/** `extra` has the unit of the figure. */
export function atMostPlus(extra: number, unit: string, peer: string, factor = 1): Goal {
  return {
    text: `at most ${factor === 1 ? '' : `${factor} x `}${peer} + ${extra} ${unit}`,
    against: (peers) => peers[peer],
    isMet: (ours, against) => ours <= factor * against + extra,
  }
}

/** No goal: the number is there to explain the others, its ratio is against `peer`. */
export function shownBeside(peer: string): Goal {
  return { text: 'none', against: (peers) => peers[peer] ?? NaN, isMet: () => true }
}

export function judge({ figure, unit, ours, peers, goal, note }: Measured): Figure {
  const against = goal.against(peers)
  const ratio = against === undefined ? NaN : ours / against
  return {
    figure,
    ours: round(ours),
    unit,
    peers: Object.fromEntries(Object.entries(peers).map(([name, value]) => [name, round(value)])),
    ratio: Number.isFinite(ratio) ? round(ratio) : null,
    goal: goal.text,
    ok: against !== undefined && goal.isMet(ours, against),
    ...(note === undefined ? {} : { note }),
  }
}

export function unmeasured(figure: string, unit: string, why: string): Figure {
  return { figure, ours: null, unit, peers: {}, ratio: null, goal: 'to be measured', ok: false, note: why }
}

/** Three significant digits are more than a benchmark on a shared machine can promise. */
function round(value: number): number {
  return Math.abs(value) >= 100 ? Math.round(value) : Number(value.toPrecision(3))
}
