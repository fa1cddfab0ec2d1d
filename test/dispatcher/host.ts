// A real dispatcher on a free port with a real ledger in a folder of its own, and small callers that show the raw answers.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Agent, request, type Dispatcher as UndiciDispatcher } from 'undici'
import { parseJobName, Secret, systemClock } from '../../src/core/index.ts'
import { nodeToken } from '../../src/protocol/index.ts'
import { createRetryPolicy, startDispatcher, type Dispatcher } from '../../src/dispatcher/index.ts'
import { openSqliteLedger, type Ledger } from '../../src/ledger/index.ts'
import { createClient, type Client } from '../../src/protocol/index.ts'

export const OPERATOR = 'operator-token-of-this-test'
export const WORKER = 'worker-token-of-this-test'

export interface Answer {
  readonly status: number
  readonly headers: Record<string, string | string[] | undefined>
  readonly text: string
  /** The body as JSON; undefined when it is not. */
  readonly json: unknown
}

export interface CallExtras {
  readonly token?: string | undefined
  readonly accept?: string
  readonly type?: string
  readonly signal?: AbortSignal
}

export interface Host {
  readonly url: string
  readonly port: number
  readonly folder: string
  readonly ledger: Ledger
  readonly operator: Client
  readonly worker: Client
  dispatcher: Dispatcher
  /** An object goes out as JSON, a string as it is. */
  post(path: string, body: object | string, extras?: CallExtras): Promise<Answer>
  get(path: string, extras?: CallExtras): Promise<Answer>
  add(...ids: readonly string[]): Promise<void>
  /** Ends the dispatcher and starts another one on the same ledger. */
  restart(): Promise<void>
  close(): Promise<void>
}

export interface HostOptions {
  readonly leaseMs?: number
  readonly failures?: number
  readonly crashes?: number
  readonly backoffMs?: readonly [number, number]
  /** Puts something between the dispatcher and its ledger. */
  readonly wrap?: (ledger: Ledger) => Ledger
}

export async function startHost(options: HostOptions = {}): Promise<Host> {
  const folder = await mkdtemp(join(tmpdir(), 'fleet-dispatcher-'))
  const policy = createRetryPolicy({
    failures: options.failures ?? 3,
    crashes: options.crashes ?? 3,
    backoffMs: options.backoffMs ?? [20, 100],
  })
  const real = await openSqliteLedger({
    file: join(folder, 'ledger.db'),
    policy,
    clock: systemClock,
    random: Math.random,
  })
  const ledger = options.wrap?.(real) ?? real
  const start = (port: number) =>
    startDispatcher({
      ledger,
      job: parseJobName('photos'),
      listen: { address: '127.0.0.1', port },
      operatorToken: new Secret(OPERATOR),
      workerToken: new Secret(WORKER),
      leaseMs: options.leaseMs ?? 60_000,
      clock: systemClock,
      random: Math.random,
      version: '0.0.0-test',
    })
  const dispatcher = await start(0)
  const { url } = dispatcher
  const agent = new Agent({ connections: 1000 })
  const call = (method: UndiciDispatcher.HttpMethod, path: string, body: string | null, extras: CallExtras) =>
    send(agent, url, method, path, body, extras)
  const operator = createClient({ url, token: new Secret(OPERATOR) })
  const worker = createClient({ url, token: new Secret(WORKER) })

  const host: Host = {
    url,
    port: Number(new URL(url).port),
    folder,
    ledger,
    operator,
    worker,
    dispatcher,
    post: (path, body, extras = {}) =>
      call('POST', path, typeof body === 'string' ? body : JSON.stringify(body), extras),
    get: (path, extras = {}) => call('GET', path, null, { token: OPERATOR, ...extras }),
    async add(...ids) {
      await operator.importIds(lines(ids), { format: 'plain' })
    },
    async restart() {
      await host.dispatcher.close()
      host.dispatcher = await start(host.port)
    },
    async close() {
      await host.dispatcher.close()
      await Promise.all([operator.close(), worker.close(), agent.destroy()])
      await real.close()
      await rm(folder, { recursive: true })
    },
  }
  return host
}

export function tokenOfNode(node: string): string {
  return nodeToken(new Secret(WORKER), node).reveal()
}

async function* lines(ids: readonly string[]): AsyncGenerator<string> {
  yield await Promise.resolve(ids.map((id) => `${id}\n`).join(''))
}

async function send(
  agent: Agent,
  url: string,
  method: UndiciDispatcher.HttpMethod,
  path: string,
  body: string | null,
  extras: CallExtras,
): Promise<Answer> {
  const token = 'token' in extras ? extras.token : WORKER
  const headers = {
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    ...(extras.accept === undefined ? {} : { accept: extras.accept }),
    ...(body === null ? {} : { 'content-type': extras.type ?? 'application/json' }),
  }
  const options = {
    dispatcher: agent,
    method,
    body,
    headers,
    ...(extras.signal === undefined ? {} : { signal: extras.signal }),
  }
  const response = await request(`${url}${path}`, options)
  const text = await response.body.text()
  return { status: response.statusCode, headers: response.headers, text, json: parsed(text) }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
