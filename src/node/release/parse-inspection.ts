// Reads what `inspectCommand` printed. A login shell may print anything around it: only our own lines count.
import { parseDigest } from '../../core/index.ts'
import { parseLockState } from '../lock/lock-state.ts'
import type { Inspection, KnownRelease, TreeKind, TreeState } from './inspection.ts'

/** Throws FLEET_NODE_BAD_LOCK when the answer is not whole. */
export function parseInspection(stdout: string): Inspection {
  const values = valuesIn(stdout)
  const last = (key: string): string => values.get(key)?.at(-1) ?? ''
  const all = (key: string): readonly string[] => values.get(key) ?? []
  return {
    base: last('base'),
    trees: ofEachKind((kind) => stateOf(last(`state-${kind}`))),
    currentRelease: last('link-current'),
    previousRelease: last('link-previous'),
    currentKit: last('link-kit/current'),
    currentRuntime: last('link-runtimes/current'),
    releases: all('release').flatMap(knownRelease).toSorted(newestFirst),
    staged: ofEachKind((kind) => new Map(all(`staged-${kind}`).flatMap(stagedFile))),
    missingTools: all('missing-tool'),
    missingPrograms: all('missing-program'),
    machine: last('machine'),
    freeBytes: freeBytes(last('room')),
    decompressors: all('unpacks').filter((tool) => tool === 'zstd' || tool === 'gzip'),
    nodeVersion: last('node'),
    controlAddress: last('control'),
    lock: parseLockState(stdout),
  }
}

function valuesIn(stdout: string): ReadonlyMap<string, readonly string[]> {
  const values = new Map<string, string[]>()
  for (const line of stdout.split('\n')) {
    const [, key, value] = /^fleet-inspect ([a-z/-]+)=(.*)$/s.exec(line) ?? []
    if (key === undefined || value === undefined) continue
    const known = values.get(key)
    if (known === undefined) values.set(key, [value])
    else known.push(value)
  }
  return values
}

function ofEachKind<Value>(valueOf: (kind: TreeKind) => Value): Record<TreeKind, Value> {
  return { releases: valueOf('releases'), kit: valueOf('kit'), runtimes: valueOf('runtimes') }
}

function stateOf(text: string): TreeState {
  return text === 'sealed' || text === 'changed' ? text : 'absent'
}

/** `SECONDS DIGEST/.fleet-manifest` */
function knownRelease(text: string): KnownRelease[] {
  const [, seconds, digest] = /^(\d{1,12}) ([0-9a-f]{64})\/[^/]+$/.exec(text) ?? []
  return digest === undefined ? [] : [{ digest: parseDigest(digest), installedS: Number(seconds) }]
}

function newestFirst(a: KnownRelease, b: KnownRelease): number {
  return b.installedS - a.installedS || (a.digest < b.digest ? -1 : 1)
}

/** `BYTES ./PATH` */
function stagedFile(text: string): [string, number][] {
  const [, size, path] = /^(\d{1,15}) \.\/(.+)$/s.exec(text) ?? []
  return path === undefined ? [] : [[path, Number(size)]]
}

/** The line of `df -Pk`: what is free stands before the percentage, and that before the mount point (POSIX df). */
function freeBytes(line: string): number | undefined {
  const found = /\s(\d{1,12})\s+(?:\d+%|-)\s+\//.exec(line)?.[1]
  return found === undefined ? undefined : Number(found) * 1024
}
