// The HTTP side: one fastify instance with its limits, its parsers, who may call what, and one place where errors become answers.
import Fastify, { type FastifyInstance } from 'fastify'
import { FleetError } from '../core/index.ts'
import { MAX_BODY_BYTES, type RequestBody } from '../protocol/index.ts'
import type { Access } from './access.ts'
import type { Desk } from './desk.ts'
import { sendError } from './http-answers.ts'
import { addImportCall } from './import-call.ts'
import { addOperatorCalls } from './operator-calls.ts'
import { setCaller } from './request-context.ts'
import { addHealthCall, addStatusCalls } from './status-calls.ts'
import { addWorkerCalls } from './worker-calls.ts'

/** Whoever has not sent its headers by then is not a worker. */
const HEADERS_TIMEOUT_MS = 15_000
const HEADERS_CHECK_MS = 5000
/** A connection on which nothing moved for longer than the longest poll is dead. */
const IDLE_TIMEOUT_MS = 150_000
/** Longer than clients keep idle connections, so that they end them and not we, in the middle of a request. */
const KEEP_ALIVE_TIMEOUT_MS = 75_000

const ENCODINGS: readonly (readonly [type: string, encoding: RequestBody['encoding']])[] = [
  ['application/json', 'json'],
  ['application/x-www-form-urlencoded', 'form'],
]

/** `retryAfterS`: seconds for Retry-After, drawn anew for every answer so that a fleet does not come back at once. */
export function createHttpServer(desk: Desk, access: Access, retryAfterS: () => number): FastifyInstance {
  const app = Fastify({
    logger: false,
    bodyLimit: MAX_BODY_BYTES,
    connectionTimeout: IDLE_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    // An import and a long poll take as long as they take; headers do not.
    http: {
      headersTimeout: HEADERS_TIMEOUT_MS,
      connectionsCheckingInterval: HEADERS_CHECK_MS,
      requestTimeout: 0,
      noDelay: true,
      keepAlive: true,
    },
    // Calls that arrive while we stop are answered by the desk, in the protocol's own words.
    return503OnClosing: false,
    exposeHeadRoutes: false,
    frameworkErrors: (error, request, reply) => {
      void sendError(request, reply, error, retryAfterS())
    },
  })
  app.setErrorHandler((error, request, reply) => sendError(request, reply, error, retryAfterS()))
  app.setNotFoundHandler((request, reply) => {
    const error = new FleetError(
      'FLEET_DISPATCHER_NOT_FOUND',
      `there is no call ${request.method} ${request.url.slice(0, 200)}`,
      { remedy: 'See docs/protocol.md for the calls.' },
    )
    return sendError(request, reply, error, retryAfterS())
  })
  app.removeAllContentTypeParsers()
  for (const [type, encoding] of ENCODINGS) {
    app.addContentTypeParser(type, { parseAs: 'buffer' }, (_request, bytes, done) => {
      done(null, { encoding, bytes })
    })
  }

  addHealthCall(app, desk)
  void app.register((calls, _options, done) => {
    calls.addHook('onRequest', (request, _reply, next) => {
      try {
        setCaller(request, access.identify(request.raw.headers.authorization))
        next()
      } catch (thrown) {
        next(thrown instanceof Error ? thrown : new Error(String(thrown)))
      }
    })
    addWorkerCalls(calls, desk)
    addStatusCalls(calls, desk)
    void calls.register((scope, _none, ready) => {
      addOperatorCalls(scope, desk)
      ready()
    })
    void calls.register((scope, _none, ready) => {
      addImportCall(scope, desk)
      ready()
    })
    done()
  })
  return app
}
