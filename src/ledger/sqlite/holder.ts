// Who has a ledger open, for the message that refuses the second one. Only words: the lock itself is the kernel's and goes with the process, while this
// note may outlive it. Nothing is ever decided by it.
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'

/** Best effort: a disk that is too full for the note must not keep the ledger closed. */
export function noteHolder(file: string, nowMs: number): void {
  const words = `process ${process.pid} on ${hostname()} since ${new Date(nowMs).toISOString()}\n`
  quietly(() => {
    writeFileSync(noteFile(file), words, { mode: 0o600 })
  })
}

export function forgetHolder(file: string): void {
  quietly(() => {
    rmSync(noteFile(file), { force: true })
  })
}

/** For example `process 4711 on control since 2026-11-22T08:00:00.000Z`. */
export function describeHolder(file: string): string {
  const words = quietly(() => readFileSync(noteFile(file), 'utf8').trim())
  return words === undefined || words === '' ? 'another process' : words
}

function noteFile(file: string): string {
  return `${file}.holder`
}

function quietly<Value>(work: () => Value): Value | undefined {
  try {
    return work()
  } catch {
    return undefined
  }
}
