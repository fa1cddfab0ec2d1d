// The real dispatcher as a process of its own, with a ledger full of IDs, and worker clients that settle and lease by `next`.
import { writeFile, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { startServer } from '../child-server.ts'
import { temporaryFolder } from '../temporary-folder.ts'
import { timedRun } from '../timed-run.ts'
import { drive, type Drive, type PairClient } from './drive.ts'
import { openExchange, type Exchange } from './exchange.ts'

const FLEET = join(import.meta.dirname, '../../bin/fleet')

export async function fleetLoad(clients: number, ids: number, signal: AbortSignal): Promise<Drive> {
  await using folder = await temporaryFolder()
  const serve = [FLEET, 'dispatcher', 'serve', '--job', 'bench', '--lease', '1h', '--listen', '127.0.0.1:0'] as const
  await using server = await startServer([...serve, '--ledger', join(folder.path, 'ledger.db')], { awaitLine: true })
  const ready = parseReady(server.firstLine)
  const list = join(folder.path, 'ids.txt')
  await writeFile(list, Array.from({ length: ids }, (_, index) => `user-${index}\n`).join(''))
  await timedRun([FLEET, 'ids', 'add', list, '--url', ready.url, '--token-file', ready.operatorTokenFile], { signal })
  const token = (await readFile(ready.workerTokenFile, 'utf8')).trim()
  const workers = Array.from({ length: clients }, (_, index) => workerClient(new URL(ready.url), token, index + 1))
  return await drive(await Promise.all(workers), server.pid, signal)
}

interface Ready {
  readonly url: string
  readonly operatorTokenFile: string
  readonly workerTokenFile: string
}

function parseReady(line: string): Ready {
  const said: unknown = JSON.parse(line)
  const field = (name: string): string => {
    const value: unknown = typeof said === 'object' && said !== null ? Reflect.get(said, name) : undefined
    if (typeof value !== 'string') throw new Error(`expected the dispatcher to say ${name}, it said: ${line}`)
    return value
  }
  return {
    url: field('url'),
    operatorTokenFile: field('operator_token_file'),
    workerTokenFile: field('worker_token_file'),
  }
}

async function workerClient(url: URL, token: string, number: number): Promise<PairClient> {
  const exchange = await openExchange(url.hostname, Number(url.port))
  const head = `Host: ${url.host}\r\nAuthorization: Bearer ${token}\r\nContent-Type: application/json\r\nAccept: text/plain\r\n`
  const seat = `{"slot":"bench/p${String(number).padStart(2, '0')}","instance":"i${number}"}`
  let lease: readonly string[] = []
  const call = async (path: string, body: string): Promise<boolean> => {
    lease = await post(exchange, `POST ${path} HTTP/1.1\r\n${head}Content-Length: ${body.length}\r\n\r\n${body}`)
    return lease.length > 1
  }
  return {
    begin: async () => {
      if (!(await call('/v1/lease', seat))) throw new Error(`expected an ID for client ${number}, there is none`)
    },
    pair: () => {
      const [id = '', fence = ''] = lease
      return call('/v1/complete', `{"id":"${id}","fence":${fence},"next":${seat}}`)
    },
    close: () => exchange.close(),
  }
}

/** The lease's fields; none when there is no further ID. */
async function post(exchange: Exchange, request: string): Promise<readonly string[]> {
  const answer = await exchange.ask(request, isWholeAnswer)
  if (!answer.startsWith('HTTP/1.1 20')) throw new Error(`expected the dispatcher to accept, it answered: ${answer}`)
  return answer.slice(answer.indexOf('\r\n\r\n') + 4).split('\t')
}

/** The dispatcher's answers to workers have a Content-Length, or no body. */
function isWholeAnswer(received: string): boolean {
  const headEnd = received.indexOf('\r\n\r\n')
  if (headEnd < 0) return false
  const length = /\r\ncontent-length: (\d+)/i.exec(received.slice(0, headEnd))?.[1] ?? '0'
  return received.length >= headEnd + 4 + Number(length)
}
