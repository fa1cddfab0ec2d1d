// beanstalkd with -f0, which flushes its journal before it answers, doing the same: delete one job and reserve the next, in one
// write, so that the peer also pays one round trip for a pair.
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from '../../test/support/free-port.ts'
import { startServer } from '../child-server.ts'
import { temporaryFolder } from '../temporary-folder.ts'
import { drive, type Drive, type PairClient } from './drive.ts'
import { openExchange, type Exchange } from './exchange.ts'

const HOST = '127.0.0.1'

export async function beanstalkdLoad(
  program: string,
  clients: number,
  jobs: number,
  signal: AbortSignal,
): Promise<Drive> {
  await using stack = new AsyncDisposableStack()
  const folder = stack.use(await temporaryFolder())
  const port = await freePort()
  const command = [program, '-l', HOST, '-p', String(port), '-b', folder.path, '-f', '0'] as const
  const server = stack.use(await startServer(command, { awaitLine: false }))
  const filler = await untilOpen(port, signal)
  await filler.ask(putCommands(jobs), (received) => received.split('\r\n').length > jobs)
  filler.close()
  const connections = Array.from({ length: clients }, () => openExchange(HOST, port))
  return await drive((await Promise.all(connections)).map(jobClient), server.pid, signal)
}

function putCommands(jobs: number): string {
  return Array.from({ length: jobs }, (_, index) => {
    const body = `user-${index}`
    return `put 0 0 3600 ${body.length}\r\n${body}\r\n`
  }).join('')
}

function jobClient(exchange: Exchange): PairClient {
  let job: string | undefined
  const reserve = async (before: string): Promise<boolean> => {
    const answer = await exchange.ask(`${before}reserve-with-timeout 0\r\n`, isWholeAnswer)
    if (before !== '' && !answer.startsWith('DELETED\r\n')) throw new Error(`expected DELETED, got: ${answer}`)
    job = /RESERVED (\d+) /.exec(answer)?.[1]
    return job !== undefined
  }
  return {
    begin: async () => {
      if (!(await reserve(''))) throw new Error('expected a job, there is none')
    },
    pair: () => reserve(`delete ${job ?? ''}\r\n`),
    close: () => exchange.close(),
  }
}

/** `RESERVED <id> <bytes>\r\n<data>\r\n`, or any other word on a line of its own; after `DELETED`, if that was asked for. */
function isWholeAnswer(received: string): boolean {
  const last = received.startsWith('DELETED\r\n') ? received.slice('DELETED\r\n'.length) : received
  if (!last.endsWith('\r\n')) return false
  return !last.startsWith('RESERVED') || last.split('\r\n').length === 3
}

async function untilOpen(port: number, signal: AbortSignal): Promise<Exchange> {
  const deadline = performance.now() + 10_000
  for (;;) {
    try {
      return await openExchange(HOST, port)
    } catch (error) {
      if (performance.now() > deadline) throw error
      await sleep(20, undefined, { signal })
    }
  }
}
