// What every Transport promises, whatever stands behind it.
import { createHash, randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Connection, Target, Transport } from '../../src/ssh/index.ts'
import { errorOf, eventually, silence } from './workbench.ts'

export interface Stage {
  readonly transport: Transport
  readonly target: Target
  /** How many commands run at once on one connection; default 8. */
  readonly atOnce?: number
  close(): Promise<void>
}

/** `passesSignals`: a signal reaches the command, also one of root, which OpenSSH does not do. */
export function transportContract(
  name: string,
  start: () => Promise<Stage>,
  { passesSignals = false }: { readonly passesSignals?: boolean } = {},
): void {
  describe(`${name} keeps the contract of a transport`, () => {
    let stage: Stage
    let connection: Connection
    beforeAll(async () => {
      stage = await start()
      connection = await stage.transport.connect(stage.target)
    })
    afterAll(async () => {
      await connection.close()
      await stage.close()
    })

    test('a command returns its output, its errors and its exit code', async () => {
      const result = await connection.exec('echo out; echo err >&2; exit 7')
      expect(result).toEqual({ exitCode: 7, signal: undefined, stdout: 'out\n', stderr: 'err\n' })
    })

    test('a command that a signal ended says which, and has no exit code', async () => {
      const result = await connection.exec('kill -KILL $$')
      expect(result).toMatchObject({ exitCode: undefined, signal: 'KILL' })
    })

    test('a command line reaches the shell byte for byte', async () => {
      const { stdout } = await connection.exec(`printf '%s' 'a  "b"\n$c ✓ \\'`)
      expect(stdout).toBe('a  "b"\n$c ✓ \\')
    })

    test('a command without input reads the end of its input at once', async () => {
      const { stdout } = await connection.exec('cat; echo end')
      expect(stdout).toBe('end\n')
    })

    test('text, an empty text, a buffer and a stream arrive whole as input', async () => {
      const bytes = randomBytes(3_000_001)
      const digest = createHash('sha256').update(bytes).digest('hex')
      expect((await connection.exec('cat', { stdin: 'häß\n' })).stdout).toBe('häß\n')
      expect((await connection.exec('wc -c', { stdin: '' })).stdout.trim()).toBe('0')
      expect((await connection.exec('sha256sum', { stdin: bytes })).stdout).toContain(digest)
      const pieces = Array.from({ length: 31 }, (_, index) => bytes.subarray(index * 100_000, (index + 1) * 100_000))
      expect((await connection.exec('sha256sum', { stdin: Readable.from(pieces) })).stdout).toContain(digest)
    })

    test('a stream is taken as it comes: text, views of bytes, one huge chunk, thousands of small ones, now and then', async () => {
      const sum = async (stdin: Readable): Promise<string> => (await connection.exec('sha256sum', { stdin })).stdout
      const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')
      const bytes = randomBytes(2_000_003)
      const small = Array.from({ length: 20_000 }, (_, index) => bytes.subarray(index * 100, (index + 1) * 100))
      expect(await sum(Readable.from(['häß', '\n']))).toContain(sha256(Buffer.from('häß\n')))
      expect(await sum(Readable.from([new Uint8Array(bytes)]))).toContain(sha256(bytes))
      expect(await sum(Readable.from([bytes, bytes]))).toContain(sha256(Buffer.concat([bytes, bytes])))
      expect(await sum(Readable.from(small, { objectMode: false }))).toContain(sha256(bytes.subarray(0, 2_000_000)))
      const slow = Readable.from(
        (async function* () {
          for (const chunk of small.slice(0, 5)) {
            await new Promise((resolve) => setImmediate(resolve))
            yield chunk
          }
        })(),
      )
      expect(await sum(slow)).toContain(sha256(bytes.subarray(0, 500)))
      expect(await sum(Readable.from([]))).toContain(sha256(Buffer.alloc(0)))
    })

    test('a stream that is no stream of bytes, or ends before its end, fails the call', async () => {
      const error = await errorOf(connection.exec('cat', { stdin: Readable.from([{ no: 1 }]) }), 'FLEET_SSH_INPUT')
      expect(error.message).toContain('a stream of bytes or text')
      const stdin = silence()
      const call = errorOf(connection.exec('cat', { stdin }), 'FLEET_SSH_INPUT')
      stdin.destroy()
      await call
      await errorOf(connection.exec('cat', { stdin }), 'FLEET_SSH_INPUT')
    })

    test('a stream that fails before its command has begun fails the call, and one whose call never begins is let go', async () => {
      const broken = silence().destroy(new Error('no disk'))
      expect((await errorOf(connection.exec('cat', { stdin: broken }), 'FLEET_SSH_INPUT')).message).toContain('no disk')
      const stdin = silence()
      await errorOf(connection.exec('cat', { stdin, signal: AbortSignal.abort() }), 'FLEET_SSH_ABORTED')
      expect(stdin.destroyed).toBe(true)
    })

    test('a stream is read no further than what is on its way, and let go when its call ends', async () => {
      let givenBytes = 0
      const piece = Buffer.alloc(65_536)
      const endless = new Readable({
        read() {
          givenBytes += piece.length
          this.push(piece)
        },
      })
      await errorOf(connection.exec('sleep 10', { stdin: endless, stallMs: 400 }), 'FLEET_SSH_STALLED')
      // Two windows of 2 MiB, ours and that of what stands between, and what was under way.
      expect(givenBytes).toBeLessThan(8_000_000)
      await eventually(() => endless.closed, 'the stream is closed')
    })

    test('a command that does not read its input still ends with its exit code', async () => {
      const result = await connection.exec('exit 5', { stdin: Buffer.alloc(8_000_000) })
      expect(result.exitCode).toBe(5)
    })

    test('an input that fails ends the call and not the connection', async () => {
      const broken = Readable.from(
        (function* () {
          yield Buffer.from('x')
          throw new Error('the disk is gone')
        })(),
      )
      const error = await errorOf(connection.exec('cat', { stdin: broken }), 'FLEET_SSH_INPUT')
      expect(error.message).toContain('the disk is gone')
      expect((await connection.exec('echo still')).stdout).toBe('still\n')
    })

    test('much output on both streams at once is drained', async () => {
      const result = await connection.exec('head -c 5000000 /dev/zero & head -c 5000000 /dev/zero >&2; wait')
      expect([result.stdout.length, result.stderr.length]).toEqual([5_000_000, 5_000_000])
    })

    test('output that is streamed is not kept and not limited', async () => {
      let seen = 0
      const options = { maxOutputBytes: 10, onStdout: (chunk: Buffer) => void (seen += chunk.length) }
      expect(await connection.exec('head -c 1000000 /dev/zero', options)).toMatchObject({ exitCode: 0, stdout: '' })
      expect(seen).toBe(1_000_000)
    })

    test('more output than was allowed ends the call', async () => {
      const error = await errorOf(connection.exec('yes', { maxOutputBytes: 100_000 }), 'FLEET_SSH_OUTPUT_LIMIT')
      expect(error.message).toContain('100000 bytes of stdout')
    })

    test('a listener that throws ends its own call only', async () => {
      const onStdout = (): void => {
        throw new Error('listener broke')
      }
      await expect(connection.exec('echo x', { onStdout })).rejects.toThrow('listener broke')
      expect((await connection.exec('echo still')).stdout).toBe('still\n')
    })

    test('a command on which nothing moves is given up as stalled, one that talks is not', async () => {
      await errorOf(connection.exec('cat', { stdin: silence(), stallMs: 300 }), 'FLEET_SSH_STALLED')
      const talking = await connection.exec('for i in 1 2 3 4 5 6 7 8; do echo $i; sleep 0.15; done', { stallMs: 1000 })
      expect(talking.exitCode).toBe(0)
    })

    test('input that nobody takes stalls', async () => {
      await errorOf(connection.exec('sleep 10', { stdin: Buffer.alloc(20_000_000), stallMs: 500 }), 'FLEET_SSH_STALLED')
    })

    test('a command that takes too long is given up', async () => {
      await errorOf(connection.exec('while :; do echo; sleep 0.05; done', { timeoutMs: 300 }), 'FLEET_SSH_TIMEOUT')
    })

    test('a call can be aborted before and while it runs', async () => {
      await errorOf(connection.exec('echo never', { signal: AbortSignal.abort() }), 'FLEET_SSH_ABORTED')
      const controller = new AbortController()
      const onStdout = (): void => {
        controller.abort()
      }
      await errorOf(
        connection.exec('echo go; cat', { stdin: silence(), signal: controller.signal, onStdout }),
        'FLEET_SSH_ABORTED',
      )
    })

    test('a command whose call ended loses its channel: it cannot write any more', async () => {
      let pid = 0
      const controller = new AbortController()
      const onStdout = (chunk: Buffer): void => {
        pid ||= Number(chunk.toString().split('\n')[0])
        controller.abort()
      }
      await errorOf(
        connection.exec('echo $$; while echo more; do sleep 0.05; done', { signal: controller.signal, onStdout }),
        'FLEET_SSH_ABORTED',
      )
      await eventually(async () => (await connection.exec(`kill -0 ${pid}`)).exitCode !== 0, 'the command ends')
    })

    if (passesSignals) {
      test('a silent command ends with its call', async () => {
        let pid = 0
        const controller = new AbortController()
        const onStdout = (chunk: Buffer): void => {
          pid ||= Number(chunk.toString().split('\n')[0])
          controller.abort()
        }
        await errorOf(
          connection.exec('echo $$; exec sleep 1000', { signal: controller.signal, onStdout }),
          'FLEET_SSH_ABORTED',
        )
        await eventually(async () => (await connection.exec(`kill -0 ${pid}`)).exitCode !== 0, 'the command ends')
      })
    }

    test('a flood of output that nobody wants any more leaves the connection alone', async () => {
      const flood = connection.exec('head -c 30000000 /dev/zero', { maxOutputBytes: 1_500_000 })
      await errorOf(flood, 'FLEET_SSH_OUTPUT_LIMIT')
      expect((await connection.exec('echo still')).stdout).toBe('still\n')
    })

    test('twenty calls at once all succeed, at most eight of them at a time', async () => {
      const atOnce = stage.atOnce ?? 8
      let running = 0
      let most = 0
      const call = async (index: number): Promise<string> => {
        let heard = ''
        const onStdout = (chunk: Buffer): void => {
          heard += chunk.toString()
          for (const mark of chunk.toString()) running += mark === '+' ? 1 : mark === '-' ? -1 : 0
          most = Math.max(most, running)
        }
        await connection.exec(`printf +; sleep 0.1; printf '${index}-'`, { onStdout })
        return heard
      }
      const answers = await Promise.all(Array.from({ length: 20 }, (_, index) => call(index)))
      expect(answers).toEqual(Array.from({ length: 20 }, (_, index) => `+${index}-`))
      expect(most).toBeGreaterThanOrEqual(Math.min(2, atOnce))
      expect(most).toBeLessThanOrEqual(atOnce)
    })

    test('a call that ends while it waits for a channel leaves the queue', async () => {
      const controller = new AbortController()
      const busy = Array.from({ length: 8 }, () =>
        connection.exec('cat', { stdin: silence(), signal: controller.signal }),
      )
      const outcomes = Promise.all(busy.map((call) => errorOf(call, 'FLEET_SSH_ABORTED')))
      await errorOf(connection.exec('echo waiting', { timeoutMs: 200 }), 'FLEET_SSH_TIMEOUT')
      controller.abort()
      await outcomes
      expect((await connection.exec('echo free')).stdout).toBe('free\n')
    })

    test('closing ends running and waiting calls, may be done twice, and refuses later calls', async () => {
      const own = await stage.transport.connect(stage.target)
      const calls = Array.from({ length: 12 }, () => errorOf(own.exec('cat', { stdin: silence() }), 'FLEET_SSH_CLOSED'))
      await Promise.all([own.close(), own.close()])
      await Promise.all(calls)
      await errorOf(own.exec('echo'), 'FLEET_SSH_CLOSED')
      await own.close()
    })
  })
}
