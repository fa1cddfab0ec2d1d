// A look into ssh2 where its interface does not reach. Whoever looks has to do without, should another ssh2 have its parts elsewhere.

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
