// Durable before acknowledged, as far as KILL can show it: whatever the process wrote down as answered is in the file afterwards.
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { parseId, systemClock } from '../../../src/core/index.ts'
import { openSqliteLedger, type Ledger } from '../../../src/ledger/index.ts'
import { expectSound } from '../contract/fixture.ts'
import { policy } from './plain-policy.ts'
import { startProgram } from './programs.ts'

const ROUNDS = 5
const OUTCOMES: Readonly<Record<string, string>> = { complete: 'completed', fail: 'failed', release: 'released' }

interface Line {
  readonly kind: string
  readonly id: string
  readonly fence: number
  readonly slot: string
  readonly answer: string
  readonly added: number
}

test(
  'every answer given before a KILL is still true when the ledger is opened again',
  { timeout: 180_000 },
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'fleet-kill-'))
    const file = join(folder, 'ledger.db')
    const seen = { added: 0, highestFence: 0, completed: new Set<string>(), settled: 0 }
    try {
      for (let round = 1; round <= ROUNDS; round += 1) {
        const output = join(folder, `answers-${round}`)
        await runAndKill(file, round, output)
        const lines = await readLines(output)
        const ledger = await openSqliteLedger({ file, policy, clock: systemClock, random: Math.random })
        await expectSound(ledger)
        await expectAnswersKept(ledger, lines, seen)
        await ledger.close()
      }
      expect(seen.settled).toBeGreaterThan(ROUNDS * 20)
    } finally {
      await rm(folder, { recursive: true })
    }
  },
)

/** The moment of the KILL is random: some hundred answers after the start. */
async function runAndKill(file: string, round: number, output: string): Promise<void> {
  const program = startProgram('load', [file, String(round)], output)
  const enoughBytes = 8000 + Math.random() * 40_000
  try {
    await vi.waitFor(
      async () => {
        expect((await stat(output)).size).toBeGreaterThan(enoughBytes)
      },
      { timeout: 60_000, interval: 1 },
    )
  } finally {
    await program.kill()
  }
}

/** Without what follows the last newline: that line was cut by the KILL. */
async function readLines(output: string): Promise<readonly Line[]> {
  const text = await readFile(output, 'utf8')
  return text.split('\n').slice(0, -1).map(parseLine)
}

function parseLine(line: string): Line {
  return JSON.parse(line) as Line
}

async function expectAnswersKept(
  ledger: Ledger,
  lines: readonly Line[],
  seen: { added: number; highestFence: number; completed: Set<string>; settled: number },
): Promise<void> {
  const leases = lines.filter((line) => line.kind === 'lease')
  const fences = leases.map((line) => line.fence)
  expect(Math.min(...fences)).toBeGreaterThan(seen.highestFence)
  expect(new Set(fences).size).toBe(fences.length)
  for (const { id, fence, slot } of leases) {
    expect(seen.completed.has(id)).toBe(false)
    const history = await ledger.show(parseId(id))
    expect(history?.attempts).toContainEqual(expect.objectContaining({ fence, slot }))
  }
  for (const { kind, id, fence, answer } of lines.filter((line) => line.kind in OUTCOMES)) {
    expect(answer).toBe('settled')
    const history = await ledger.show(parseId(id))
    expect(history?.attempts).toContainEqual(expect.objectContaining({ fence, outcome: OUTCOMES[kind] }))
    if (kind !== 'complete') continue
    expect(history).toMatchObject({ state: 'done', fence, result: `{"fence":${fence}}` })
    seen.completed.add(id)
  }
  seen.added += lines.reduce((sum, line) => sum + (line.kind === 'import' ? line.added : 0), 0)
  expect((await ledger.status()).ids.imported).toBeGreaterThanOrEqual(seen.added)
  seen.highestFence = Math.max(seen.highestFence, ...fences)
  seen.settled += lines.filter((line) => line.kind in OUTCOMES).length
}
