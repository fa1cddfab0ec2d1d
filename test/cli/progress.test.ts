// What an operator sees while many nodes are at work: the same facts drawn on a terminal and in plain lines.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createLivePicture } from '../../src/cli/output/live-picture.ts'
import { createOutput } from '../../src/cli/output/output.ts'
import { progressLines, totalLine } from '../../src/cli/output/progress-lines.ts'
import { createProgressModel, type ProgressModel } from '../../src/cli/output/progress-model.ts'
import { withProgress } from '../../src/cli/output/progress.ts'
import { FleetError, parseNodeName, type Clock, type NodeName } from '../../src/core/index.ts'
import type { NodeResult } from '../../src/fleet/index.ts'
import { onTerminal, whyNoTerminal } from './pseudo-terminal.ts'
import { linesOnScreen } from './screen.ts'

const MIB = 1 << 20
const node = (number: number): NodeName => parseNodeName(`node${String(number).padStart(2, '0')}`)
const ok = (number: number): NodeResult<unknown> => ({ node: node(number), ok: true, value: 1 })
const failed = (number: number): NodeResult<unknown> => ({
  node: node(number),
  ok: false,
  error: new FleetError('FLEET_NODE_COMMAND', 'no space left'),
})

function fakeClock(): Clock & { pass: (ms: number) => void } {
  let ms = 1000
  return { nowMs: () => ms, monotonicMs: () => ms, pass: (more) => (ms += more) }
}

/** The node sends `bytes` more every 100 ms. */
function send(
  model: Pick<ProgressModel, 'sent'>,
  clock: ReturnType<typeof fakeClock>,
  number: number,
  mib: number[],
): void {
  for (const bytes of mib) {
    clock.pass(100)
    model.sent(node(number), bytes * MIB, 50 * MIB)
  }
}

const WIDE = { columns: 80, rows: 24 }

describe('the lines of progress', () => {
  it('are one for each node at work, and one about all', () => {
    const clock = fakeClock()
    const model = createProgressModel(50, clock)
    for (const number of [1, 2, 3, 4, 7, 12]) model.started(node(number))
    for (const number of [1, 2, 3]) model.ended(ok(number))
    model.ended(failed(4))
    model.step(node(7), 'sending release')
    model.sent(node(7), 0, 50 * MIB)
    send(model, clock, 7, [2, 4, 6, 8, 10, 12])
    expect(progressLines(model.view(), 'push', WIDE)).toEqual([
      'node07  sending release  12.0 of 50.0 MiB',
      'node12  push',
      '3 of 50 done, 1 failed · 12.0 of 500.0 MiB',
    ])
    send(model, clock, 7, [14, 16, 18, 20])
    expect(totalLine(model.view())).toBe('3 of 50 done, 1 failed · 20.0 of 500.0 MiB · 20.0 MiB/s · 0:24 left')
  })

  it('say nothing of bytes when none are sent', () => {
    const model = createProgressModel(2, fakeClock())
    model.started(node(1))
    model.step(node(1), 'waiting')
    expect(progressLines(model.view(), 'stop', WIDE)).toEqual(['node01  waiting', '0 of 2 done'])
  })

  it('keep to the window: never higher, never wider, the total always there', () => {
    const model = createProgressModel(50, fakeClock())
    for (let number = 1; number <= 50; number += 1) model.started(node(number))
    expect(progressLines(model.view(), 'push', { columns: 80, rows: 60 })).toHaveLength(51)
    const low = progressLines(model.view(), 'push', WIDE)
    expect(low).toHaveLength(23)
    expect(low.slice(-2)).toEqual(['... and 29 more', '0 of 50 done'])
    for (const rows of [0, 1, 2]) expect(progressLines(model.view(), 'push', { columns: 80, rows })).toHaveLength(1)
    expect(progressLines(model.view(), 'push', { columns: 80, rows: 3 })).toEqual(['... and 50 more', '0 of 50 done'])
    model.step(node(1), 'a long story '.repeat(20))
    for (const columns of [1, 2, 10, 40])
      for (const line of progressLines(model.view(), 'push', { columns, rows: 24 }))
        expect(line.length).toBeLessThan(Math.max(columns, 2))
  })

  it('let nothing through that moves a terminal', () => {
    const model = createProgressModel(1, fakeClock())
    model.step(node(1), 'bad\u001b[2J\nthing')
    expect(progressLines(model.view(), 'push', WIDE)[0]).toBe('node01  bad\\x1b[2J thing')
  })

  it('show the rate of now, not of always', () => {
    const clock = fakeClock()
    const model = createProgressModel(1, clock)
    model.sent(node(1), 0, 10_000 * MIB)
    const at = (ms: number, mib: number): void => {
      clock.pass(ms)
      model.sent(node(1), mib * MIB, 10_000 * MIB)
    }
    expect(model.view().bytesPerS).toBeUndefined()
    for (let second = 1; second <= 10; second += 1) at(1000, second * 300)
    expect(totalLine(model.view())).toBe('0 of 1 done · 2.9 of 9.8 GiB · 300 MiB/s · 0:24 left')
    for (let second = 1; second <= 6; second += 1) at(1000, 3000 + second)
    expect(totalLine(model.view())).toMatch(/· 1\.0 MiB\/s · 1:56:34 left$/)
    clock.pass(60_000)
    expect(totalLine(model.view())).toBe('0 of 1 done · 2.9 of 9.8 GiB · 0 B/s')
  })

  it('wait no more for bytes of a node that failed, and take its last word when it begins again', () => {
    const model = createProgressModel(2, fakeClock())
    model.sent(node(1), 10 * MIB, 50 * MIB)
    model.ended(failed(1))
    expect(model.view()).toMatchObject({ failed: 1, ofBytes: 20 * MIB, running: [] })
    model.started(node(1))
    expect(model.view()).toMatchObject({ failed: 0, running: [{ node: 'node01' }] })
    model.ended(ok(1))
    expect(model.view()).toMatchObject({ failed: 0, done: 1 })
  })
})

describe('the picture', () => {
  it('goes back over all that its lines take in a window that became narrower', () => {
    const stream = Object.assign(new PassThrough({ encoding: 'utf8' }), { columns: 40, rows: 24, isTTY: true })
    const picture = createLivePicture(stream as unknown as NodeJS.WriteStream)
    const end = picture.show(() => ['x'.repeat(25), 'y'])
    expect(stream.read()).toBe(`\r${'x'.repeat(25)}\u001b[K\ny\u001b[K\n\u001b[J`)
    stream.columns = 10
    picture.above(() => stream.write('said\n'))
    expect(String(stream.read()).startsWith('\r\u001b[4A\u001b[Jsaid\n\rx')).toBe(true)
    end()
    end()
    expect(stream.read()).toBe('\r\u001b[4A\u001b[J')
    picture.above(() => stream.write('later\n'))
    expect(stream.read()).toBe('later\n')
  })

  it('waits while a question holds the output', () => {
    const stream = Object.assign(new PassThrough({ encoding: 'utf8' }), { columns: 0, rows: 0, isTTY: true })
    const picture = createLivePicture(stream as unknown as NodeJS.WriteStream)
    stream.cork()
    const end = picture.show(({ columns, rows }) => [`${columns} x ${rows}`])
    stream.uncork()
    expect(stream.read()).toBeNull()
    picture.above(() => undefined)
    expect(stream.read()).toContain('80 x 24')
    end()
  })
})

describe('off a terminal', () => {
  it('a line tells of each node that ended, and every five seconds one of all while bytes move', async () => {
    const streams = { stdout: new PassThrough(), stderr: new PassThrough() }
    const output = createOutput(
      { json: false, color: false },
      streams as unknown as { stdout: NodeJS.WriteStream; stderr: NodeJS.WriteStream },
    )
    const clock = fakeClock()
    await withProgress(
      output,
      'push',
      [node(1), node(2)],
      (progress) => {
        progress.started?.(node(1))
        for (let second = 0; second <= 12; second += 1) {
          progress.sent?.(node(1), Math.min(second, 11) * MIB, 40 * MIB)
          clock.pass(1000)
        }
        clock.pass(20_000)
        progress.sent?.(node(1), 11 * MIB, 40 * MIB)
        progress.ended?.(ok(1))
        progress.ended?.(failed(2))
        return Promise.resolve()
      },
      clock,
    )
    expect(String(streams.stderr.read()).split('\n')).toEqual([
      'push: 0 of 2 done · 5.0 of 80.0 MiB · 1.0 MiB/s · 1:15 left',
      'push: 0 of 2 done · 10.0 of 80.0 MiB · 1.0 MiB/s · 1:10 left',
      'push: 0 of 2 done · 11.0 of 80.0 MiB · 0 B/s',
      'push node01: ok',
      'push node02: failed: no space left',
      '',
    ])
  })
})

describe.skipIf(whyNoTerminal() !== undefined)('on a terminal', () => {
  let folder: string
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'fleet-progress-'))
  })
  afterAll(() => {
    rmSync(folder, { recursive: true })
  })

  const SOURCE = JSON.stringify(join(import.meta.dirname, '../../src/cli/output'))
  /** `work` is code with `progress`, `output` and `rest()`, which waits until a picture was drawn. */
  async function screenOf(
    work: string,
    { rows = 24, columns = 80, env = {}, answer = '' } = {},
  ): Promise<{ raw: string; lines: string[] }> {
    const program = `
      const { createOutput } = await import(${SOURCE} + '/output.ts')
      const { withProgress } = await import(${SOURCE} + '/progress.ts')
      const output = createOutput({ json: false, color: true })
      const rest = () => new Promise((resolve) => setTimeout(resolve, 250))
      const names = Array.from({ length: 50 }, (_, index) => 'node' + String(index + 1).padStart(2, '0'))
      console.log('before')
      await withProgress(output, 'push', names, async (progress) => { ${work} }).catch((error) => console.log(error.message))
      console.log('after')`
    const terminal = onTerminal(
      `stty rows ${rows} cols ${columns} -opost; exec ${process.execPath} --input-type=module -e "$PROGRAM"`,
      { folder, env: { PROGRAM: program, CI: undefined, NO_COLOR: undefined, ...env } },
    )
    if (answer !== '') {
      await terminal.until('[y/n]')
      terminal.type(answer)
    }
    expect(await terminal.ended()).toBe(0)
    const raw = terminal.screen()
    return { raw, lines: linesOnScreen(raw.replaceAll('\n', '\r\n'), columns) }
  }

  it('nodes and total are drawn in place, and nothing is left of them', async () => {
    const { raw, lines } = await screenOf(`
      for (const name of names.slice(0, 10)) progress.started(name)
      progress.sent('node01', 1 << 20, 2 << 20)
      progress.step('node01', 'sending release')
      await rest()
      progress.ended({ node: 'node01', ok: true })
      await rest()`)
    expect(raw).toContain('node01  sending release  1.0 of 2.0 MiB')
    expect(raw).toContain('1 of 50 done')
    expect(raw).toContain('\u001b[11A')
    expect(lines).toEqual(['before', 'after'])
  })

  it('lines that are said meanwhile stand above, results as well as notes', async () => {
    const { lines } = await screenOf(`
      for (const name of names) progress.started(name)
      await rest()
      output.note('batch 2')
      output.result('one row')
      await rest()
      output.note('batch 3')`)
    expect(lines).toEqual(['before', 'batch 2', 'one row', 'batch 3', 'after'])
  })

  it('nothing is left after an error, in a small window, without colours', async () => {
    const { raw, lines } = await screenOf(
      `for (const name of names) progress.started(name)
      await rest()
      process.stderr.columns = 10
      process.stderr.rows = 5
      await rest()
      throw new Error('it broke')`,
      { rows: 8, columns: 20, env: { NO_COLOR: '1' } },
    )
    expect(raw).not.toContain('\u001b[1m')
    expect(raw).toContain('... and 45 more')
    expect(lines.slice(-2)).toEqual(['it broke', 'after'])
  })

  it('a question has a line of its own, and the picture goes on where it was', async () => {
    const { raw, lines } = await screenOf(
      `const { askYesNo } = await import(${SOURCE} + '/../terminal/question.ts')
      for (const name of names.slice(0, 3)) progress.started(name)
      await rest()
      const answer = askYesNo('go on?')
      await new Promise((resolve) => setTimeout(resolve, 20))
      for (const name of names.slice(0, 3)) progress.ended({ node: name, ok: true })
      output.result('answer ' + (await answer))
      await rest()`,
      { answer: 'y' },
    )
    // What came meanwhile is drawn over the old picture once the question is gone.
    expect(raw).toContain('go on? [y/n]: \r\u001b[K\r\u001b[4A')
    expect(raw.slice(raw.indexOf('answer'))).toContain('3 of 50 done')
    expect(lines).toEqual(['before', 'answer true', 'after'])
  })

  it('a dumb terminal gets plain lines', async () => {
    const { raw } = await screenOf(`progress.ended({ node: 'node01', ok: true })`, { env: { TERM: 'dumb' } })
    expect(raw.replaceAll('\r', '')).toBe('before\npush node01: ok\nafter\n')
  })
})
