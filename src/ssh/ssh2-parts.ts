// A look into ssh2 where its interface does not reach. Whoever looks has to do without, should another ssh2 have its parts elsewhere.
import type { Client } from 'ssh2'

/** The object that `whole` has under that name, if there is one. */
export function partOf(whole: object | undefined, name: string): object | undefined {
  const part: unknown = whole === undefined ? undefined : Reflect.get(whole, name)
  return typeof part === 'object' && part !== null ? part : undefined
}

/** Calls the method of that name. Does nothing, and returns undefined, when there is none. */
export function callPart(whole: object | undefined, name: string, ...values: readonly unknown[]): unknown {
  const method: unknown = whole === undefined ? undefined : Reflect.get(whole, name)
  return typeof method === 'function' ? Reflect.apply(method, whole, values) : undefined
}

/**
 * Comes before what the client does by itself with messages of one kind (`name` as in ssh2, for example `GLOBAL_REQUEST`): `handle` gets the
 * message and a way to pass it on. To be called once the client has begun to connect. False when it cannot be done: then ssh2 does what it does.
 */
export function comeBefore(
  client: Client,
  name: string,
  handle: (passOn: () => void, ...message: readonly unknown[]) => void,
): boolean {
  const handlers = partOf(partOf(client, '_protocol'), '_handlers')
  const original: unknown = handlers === undefined ? undefined : Reflect.get(handlers, name)
  if (handlers === undefined || typeof original !== 'function') return false
  Reflect.set(handlers, name, (self: unknown, ...message: readonly unknown[]) => {
    handle(
      () => {
        Reflect.apply(original, handlers, [self, ...message])
      },
      ...message,
    )
  })
  return true
}
