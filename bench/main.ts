// npm run bench -- exec|push|supervise|dispatch... [--json] [--runs N] [--nodes N] [--case NAME]...
// Measures fleet and its peers in one run and prints a table, or with --json one list of figures. Without a name: all of them,
// one after the other. Figures go to stdout, everything else to stderr. Ctrl-C ends what runs and leaves nothing behind.
import { parseArgs } from 'node:util'
import type { Benchmark, BenchmarkOptions } from './benchmark.ts'
import { dispatch } from './dispatch.ts'
import { exec } from './exec.ts'
import { unmeasured, type Figure } from './figure.ts'
import { push } from './push.ts'
import { supervise } from './supervise.ts'
import { machineLine, tableOf } from './table.ts'

const BENCHMARKS: ReadonlyMap<string, Benchmark> = new Map([
  ['exec', exec],
  ['push', push],
  ['supervise', supervise],
  ['dispatch', dispatch],
])
const USAGE = `usage: npm run bench -- [${[...BENCHMARKS.keys()].join('|')}]... [--json] [--runs N] [--nodes N] [--case NAME]...`

process.exitCode = await main()

async function main(): Promise<number> {
  const wanted = parseWanted()
  if (wanted === undefined) {
    process.stderr.write(`${USAGE}\n`)
    return 2
  }
  const interruption = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => interruption.abort())
  const say = (line: string): void => void process.stderr.write(`${line}\n`)
  say(machineLine())
  const figures: Figure[] = []
  for (const name of wanted.names) {
    figures.push(...(await runOne(name, { ...wanted.counts, signal: interruption.signal, say })))
    if (interruption.signal.aborted) return 130
  }
  say(machineLine())
  process.stdout.write(wanted.json ? `${JSON.stringify(figures, null, 2)}\n` : tableOf(figures))
  return 0
}

async function runOne(name: string, options: BenchmarkOptions): Promise<readonly Figure[]> {
  const benchmark = BENCHMARKS.get(name)
  if (benchmark === undefined) return []
  try {
    options.say(`${name} ...`)
    return await benchmark(options)
  } catch (error) {
    return [unmeasured(name, '-', error instanceof Error ? error.message : String(error))]
  }
}

interface Wanted {
  readonly names: readonly string[]
  readonly json: boolean
  readonly counts: Pick<BenchmarkOptions, 'runs' | 'nodes' | 'cases'>
}

function parseWanted(): Wanted | undefined {
  try {
    const { positionals, values } = parseArgs({
      allowPositionals: true,
      options: {
        json: { type: 'boolean', default: false },
        runs: { type: 'string' },
        nodes: { type: 'string' },
        case: { type: 'string', multiple: true },
      },
    })
    if (!positionals.every((name) => BENCHMARKS.has(name))) return undefined
    const names = positionals.length === 0 ? [...BENCHMARKS.keys()] : positionals
    return {
      names,
      json: values.json,
      counts: {
        ...(values.runs === undefined ? {} : { runs: count(values.runs) }),
        ...(values.nodes === undefined ? {} : { nodes: count(values.nodes) }),
        ...(values.case === undefined ? {} : { cases: values.case }),
      },
    }
  } catch {
    return undefined
  }
}

function count(text: string): number {
  if (!/^[1-9]\d{0,2}$/.test(text)) throw new Error(`expected a number from 1 to 999, got ${text}`)
  return Number(text)
}
