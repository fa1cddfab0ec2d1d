// The figures of one step of a case: wall time against its goals, and beside it CPU, bytes and memory of the control side.
import { judge, shownBeside, unmeasured, type Figure, type Goal } from '../figure.ts'
import { ANSIBLE, FLEET_PUSH } from './contenders.ts'
import type { Measured, Rounds, Step } from './rounds.ts'

export interface WallGoal {
  readonly factor: number
  /** The best of these counts. */
  readonly peers: readonly string[]
}

const MEMORY_LIMIT_MB = 200

export function stepFigures(title: string, rounds: Rounds, step: Step, goals: readonly WallGoal[]): readonly Figure[] {
  const figure = `${title}, ${step.name}`
  const why = rounds.failure(FLEET_PUSH)
  const values = (value: (measured: Measured) => number): Readonly<Record<string, number>> =>
    Object.fromEntries(
      step.peers.map((name) => [name, rounds.of(step.name, name, value)] as const).filter(([, found]) => !isNaN(found)),
    )
  const note = notesOf(rounds, step)
  const row = (
    what: string,
    unit: string,
    value: (measured: Measured) => number,
    goal: Goal,
    more?: string,
  ): Figure => {
    const ours = rounds.of(step.name, FLEET_PUSH, value)
    const peers = values(value)
    // What the peers did is worth telling also where ours could not be measured.
    if (isNaN(ours)) return { ...unmeasured(`${figure}${what}`, unit, why ?? 'it was not run'), peers: rounded(peers) }
    return judge({ figure: `${figure}${what}`, unit, ours, peers, goal, note: more })
  }
  const beside = goals[0]?.peers[0] ?? ''
  return [
    ...goals.map((goal) =>
      row(goals.length === 1 ? '' : `, beside ${nameOf(goal)}`, 's', ({ wallS }) => wallS, atMostBest(goal), note),
    ),
    row(', CPU of the control side', 'CPU s', ({ cpuS }) => cpuS, shownBeside(beside)),
    row(', sent', 'MB', ({ sentBytes }) => sentBytes / 1e6, shownBeside(beside)),
    memoryFigure(figure, rounds, step),
  ]
}

function nameOf({ peers }: WallGoal): string {
  const [only = '', ...others] = peers
  return others.length === 0 ? only : 'the best uncompressed'
}

function atMostBest({ factor, peers: names }: WallGoal): Goal {
  const among = (peers: Readonly<Record<string, number>>): number[] =>
    names.flatMap((name) => (peers[name] === undefined ? [] : [peers[name]]))
  return {
    text: `at most ${factor} x ${names.length === 1 ? names.join('') : `the best of ${names.join(', ')}`}`,
    against: (peers) => (among(peers).length === 0 ? undefined : Math.min(...among(peers))),
    isMet: (ours, against) => ours <= factor * against,
  }
}

function memoryFigure(figure: string, rounds: Rounds, step: Step): Figure {
  const name = `${figure}, peak memory of the control process`
  const ours = rounds.peakMb(step.name)
  if (isNaN(ours)) return unmeasured(name, 'MB', rounds.failure(FLEET_PUSH) ?? 'it was not run')
  const goal: Goal = {
    text: `less than ${MEMORY_LIMIT_MB} MB`,
    against: () => MEMORY_LIMIT_MB,
    isMet: (found, limit) => found < limit,
  }
  return judge({ figure: name, unit: 'MB', ours, peers: {}, goal })
}

function notesOf(rounds: Rounds, step: Step): string | undefined {
  const notes = step.peers.flatMap((name) => {
    const why = rounds.failure(name)
    if (why !== undefined) return [`${name} is missing: ${why}`]
    return name === ANSIBLE ? [`${name} ran once, it is slow`] : []
  })
  return notes.length === 0 ? undefined : notes.join('; ')
}

function rounded(peers: Readonly<Record<string, number>>): Readonly<Record<string, number>> {
  return Object.fromEntries(Object.entries(peers).map(([name, value]) => [name, Number(value.toPrecision(3))]))
}
