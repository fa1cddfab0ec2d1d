// The pieces that show what nodes printed: groups, lines, limits, terminals, files.
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { spawnSync } from 'node:child_process'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createGathering } from '../../src/cli/exec/gather.ts'
import { groupsOf, type Ended } from '../../src/cli/exec/groups.ts'
import { createFileSink } from '../../src/cli/exec/output-files.ts'
import { openStdinFile } from '../../src/cli/exec/stdin-file.ts'
import { createLineSink } from '../../src/cli/exec/stream-lines.ts'
import { printable } from '../../src/cli/output/printable.ts'
import { withoutNames } from '../../src/cli/output/without-names.ts'
import { FleetError, parseNodeName } from '../../src/core/index.ts'
import type { ExecOutcome } from '../../src/fleet/index.ts'

const OK: ExecOutcome = { kind: 'exited', exitCode: 0 }
const MUCH = expect.objectContaining({ code: 'FLEET_CLI_MUCH_OUTPUT' }) as Error
const BAD_FILE = expect.objectContaining({ code: 'FLEET_CLI_BAD_FILE' }) as Error

function ended(node: string, outcome: ExecOutcome, stdout = '', stderr = ''): Ended {
  return { node, outcome, output: { stdout: Buffer.from(stdout), stderr: Buffer.from(stderr) } }
}

describe('groups of nodes', () => {
  const lost = (code: FleetError['code']): ExecOutcome => ({ kind: 'unknown', error: new FleetError(code, 'gone') })

  it('are those with the same outcome and the same bytes on both streams', () => {
    const groups = groupsOf([
      ended('a', OK, 'x'),
      ended('b', OK, 'x', 'x'),
      ended('c', { kind: 'exited', exitCode: 1 }, 'x'),
      ended('d', { kind: 'killed', signal: 'KILL' }, 'x'),
      ended('e', lost('FLEET_SSH_LOST'), 'x'),
      ended('f', lost('FLEET_SSH_TIMEOUT'), 'x'),
      ended('g', OK, 'x'),
    ])
    expect(groups.map(({ nodes }) => nodes.join(''))).toEqual(['ag', 'b', 'c', 'd', 'e', 'f'])
  })

  it('stand in the order: successes first, then the largest', () => {
    const bad: ExecOutcome = { kind: 'exited', exitCode: 1 }
    const groups = groupsOf([ended('a', bad), ended('b', bad), ended('c', bad), ended('d', OK, 'x'), ended('e', OK)])
    expect(groups.map(({ nodes }) => nodes.join(''))).toEqual(['d', 'e', 'abc'])
  })
})

describe('gathered output', () => {
  it('is kept once when it is equal', () => {
    const gathering = createGathering()
    const [a, b] = [gathering.forNode(), gathering.forNode()]
    for (const node of [a, b]) node.stdout(Buffer.from('same'))
    expect(a.end().stdout).toBe(b.end().stdout)
  })

  it('has a limit for each stream of a node, and keeps what came before it', () => {
    const node = createGathering(4).forNode()
    node.stdout(Buffer.from('abc'))
    node.stderr(Buffer.from('abcd'))
    expect(() => {
      node.stdout(Buffer.from('de'))
    }).toThrow(MUCH)
    expect(node.end().stdout.toString()).toBe('abc')
  })

  it('has a limit for all nodes, in which equal ones count once', () => {
    const gathering = createGathering(4, 6)
    for (let count = 0; count < 10; count += 1) {
      const node = gathering.forNode()
      node.stdout(Buffer.from('abc'))
      node.end()
    }
    const other = gathering.forNode()
    expect(() => {
      other.stdout(Buffer.from('defg'))
    }).toThrow(MUCH)
  })
})

describe('streamed output', () => {
  const linesOf = (...chunks: string[]): string[] => {
    const lines: string[] = []
    const sink = createLineSink((stream, line) => lines.push(`${stream === 'stdout' ? '' : 'err '}${line.toString()}`))
    for (const chunk of chunks) sink.stdout(Buffer.from(chunk))
    sink.end()
    return lines
  }

  it('comes in whole lines however the chunks are cut', () => {
    expect(linesOf('a', 'b\nc', '\n\n', 'd\n')).toEqual(['ab', 'c', '', 'd'])
  })

  it('gives the last line at the end, if it has none', () => {
    expect(linesOf('a\nb')).toEqual(['a', 'b'])
  })

  it('cuts a line without end into pieces, and a line that just fits not at all', () => {
    const piece = 64 * 1024
    expect(linesOf('x'.repeat(piece * 2 + 5)).map((line) => line.length)).toEqual([piece, piece, 5])
    expect(linesOf(`${'x'.repeat(piece)}\ny\n`).map((line) => line.length)).toEqual([piece, 1])
    expect(linesOf('x'.repeat(piece), '\ny\n').join('').length).toBe(piece + 1)
  })
})

describe('bytes for a terminal', () => {
  it('cannot move its cursor, set its title or turn the direction of text', () => {
    const hostile = Buffer.from('\u001b]0;evil\u0007\ra\u009b2J\u202eb\tc\n\u{1f600}')
    expect(printable(hostile, true)).toBe('\\x1b]0;evil\\x07\\x0da\\x9b2J\\u202eb\tc\n\u{1f600}')
  })

  it('stay as they are everywhere else', () => {
    const bytes = Buffer.from([0, 27, 255])
    expect(printable(bytes, false)).toBe(bytes)
  })
})

describe('errors of many nodes', () => {
  it('are the same without the name of the node, which may be part of another name', () => {
    expect(withoutNames('a', 'a (root@a:22) of a: at a.example and ab')).toBe(
      'the node of the node: at a.example and ab',
    )
    expect(withoutNames('n[1', 'lost n[1')).toBe('lost the node')
  })
})

describe('files', () => {
  let folder: string
  const node = parseNodeName('node01')
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'fleet-exec-'))
  })
  afterEach(() => {
    rmSync(folder, { recursive: true })
  })

  it('take the two streams of a node, are private, and are emptied first', () => {
    for (const text of ['long before', 'now']) {
      const sink = createFileSink(folder, node)
      sink.stdout(Buffer.from(text))
      sink.end()
    }
    expect(readFileSync(join(folder, 'node01.out'), 'utf8')).toBe('now')
    expect(readFileSync(join(folder, 'node01.err'), 'utf8')).toBe('')
    expect(statSync(join(folder, 'node01.out')).mode & 0o777).toBe(0o600)
  })

  it('are no symbolic link, and no pipe, for which one would wait for ever', () => {
    symlinkSync(join(folder, 'victim'), join(folder, 'node01.out'))
    expect(() => createFileSink(folder, node)).toThrow(BAD_FILE)
    expect(existsSync(join(folder, 'victim'))).toBe(false)
    spawnSync('mkfifo', [join(folder, 'node02.err')])
    expect(() => createFileSink(folder, parseNodeName('node02'))).toThrow(BAD_FILE)
  })

  it('are read by all nodes from the beginning, also when one gives up early', async () => {
    const path = join(folder, 'input')
    const bytes = Buffer.alloc(3_000_000, 'fleet')
    writeFileSync(path, bytes)
    const file = await openStdinFile(path)
    rmSync(path)
    const quitter = file.read()
    const first = (await quitter[Symbol.asyncIterator]().next()) as { value: Buffer }
    expect(first.value.length).toBeGreaterThan(0)
    quitter.destroy()
    const [a, b] = await Promise.all([buffer(file.read()), buffer(file.read())])
    expect(a.equals(bytes) && b.equals(bytes)).toBe(true)
    await file.close()
  })

  it('that are folders or not there are refused as input', async () => {
    await expect(openStdinFile(folder)).rejects.toThrow(BAD_FILE)
    await expect(openStdinFile(join(folder, 'none'))).rejects.toThrow(BAD_FILE)
  })
})
