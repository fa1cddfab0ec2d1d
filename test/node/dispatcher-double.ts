// A dispatcher for the tests of run.sh: real HTTP and the plain-text half of the worker protocol, a ledger in memory, and
// ways to misbehave. It records every call, so that a test can say exactly what was asked.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'

export interface Call {
  readonly action: string
  readonly form: URLSearchParams
  readonly token: string
}

interface Work {
  readonly id: string
  readonly payload: string | undefined
  state: 'pending' | 'leased' | 'done' | 'parked'
  fence: number
  attempt: number
  holder: string
}

export interface DispatcherOptions {
  readonly ids: readonly (string | { readonly id: string; readonly payload: string })[]
  readonly ttlMs?: number
  /** Answer 410 when every ID is done or parked; otherwise polls are held. */
  readonly finishes?: boolean
}

export class DispatcherDouble implements AsyncDisposable {
  readonly calls: Call[] = []
  /** Called first; what it returns is answered as it is, `hang` never answers, a number is a delay in ms, undefined goes on as usual. */
  intercept: (
    call: Call,
  ) => { status: number; headers?: Record<string, string>; body?: string } | 'hang' | number | undefined = () =>
    undefined
  readonly #work: Work[]
  readonly #ttlMs: number
  readonly #finishes: boolean
  readonly #server: Server
  #fence = 0

  static async start(options: DispatcherOptions): Promise<DispatcherDouble> {
    const double = new DispatcherDouble(options)
    await new Promise<void>((resolve) => double.#server.listen(0, '127.0.0.1', resolve))
    return double
  }

  private constructor({ ids, ttlMs = 60_000, finishes = false }: DispatcherOptions) {
    this.#work = ids.map((item) => ({
      ...(typeof item === 'string' ? { id: item, payload: undefined } : item),
      state: 'pending',
      fence: 0,
      attempt: 0,
      holder: '',
    }))
    this.#ttlMs = ttlMs
    this.#finishes = finishes
    this.#server = createServer((request, response) => void this.#serve(request, response))
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** How many calls of this action came. */
  count(action: string): number {
    return this.calls.filter((call) => call.action === action).length
  }

  /** The first call of this action for this ID. */
  find(action: string, id?: string): Call | undefined {
    return this.calls.find((call) => call.action === action && (id === undefined || call.form.get('id') === id))
  }

  states(): Readonly<Record<string, string>> {
    return Object.fromEntries(this.#work.map((work) => [work.id, work.state]))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const call: Call = {
      action: (request.url ?? '').replace('/v1/', ''),
      form: new URLSearchParams(Buffer.concat(chunks).toString()),
      token: request.headers.authorization ?? '',
    }
    this.calls.push(call)
    const told = this.intercept(call)
    if (told === 'hang') return
    if (typeof told === 'number') await pause(told)
    else if (told !== undefined) {
      response.writeHead(told.status, told.headers).end(told.body)
      return
    }
    if (request.headers.accept !== 'text/plain') response.writeHead(400).end('expected Accept: text/plain')
    else this.#answer(call, response)
  }

  #answer({ action, form }: Call, response: ServerResponse): void {
    if (action === 'lease') {
      const waitMs = Number(form.get('wait_ms'))
      const lease = this.#lease(`${form.get('slot') ?? ''} ${form.get('instance') ?? ''}`)
      if (lease !== undefined) response.writeHead(200).end(lease)
      else if (this.#finishes && this.#work.every(({ state }) => state === 'done' || state === 'parked'))
        response.writeHead(410).end()
      else if (waitMs === 0) response.writeHead(204).end()
      // Otherwise held for ever: the tests end it.
      return
    }
    const work = this.#work.find(({ id }) => id === form.get('id'))
    if (work?.fence !== Number(form.get('fence')) || work.state !== 'leased') response.writeHead(409).end('stale')
    else if (action === 'renew') response.writeHead(200).end(JSON.stringify({ expires_in_ms: this.#ttlMs }))
    else {
      work.state = action === 'complete' ? 'done' : form.get('permanent') === 'true' ? 'parked' : 'pending'
      // What failed here is not handed out again at once, so that a test sees one attempt.
      if (action === 'fail') work.state = 'parked'
      const slot = form.get('next.slot')
      response
        .writeHead(200)
        .end(slot === null ? '' : (this.#lease(`${slot} ${form.get('next.instance') ?? ''}`) ?? ''))
    }
  }

  #lease(holder: string): string | undefined {
    const work =
      this.#work.find((one) => one.state === 'leased' && one.holder === holder) ??
      this.#work.find((one) => one.state === 'pending')
    if (work === undefined) return undefined
    if (work.state === 'pending') {
      this.#fence += 1
      Object.assign(work, { state: 'leased', holder, fence: this.#fence, attempt: work.attempt + 1 })
    }
    return `${work.id}\t${work.fence}\t${work.attempt}\t${this.#ttlMs}\n${work.payload ?? ''}`
  }
}
