// What a server answers to an offer that was not enough (RFC 4252 5.1). ssh2 passes it on with some methods and swallows it with
// keys of an agent, where it forgets which methods are left and that the key was accepted; so we listen beside it. Should
// another ssh2 have its parts elsewhere, what ssh2 itself says has to do.
import type { Client } from 'ssh2'
import { comeBefore } from './ssh2-parts.ts'

export interface RefusedOffer {
  /** What the server would take next. */
  readonly methods: readonly string[]
  /** True: the offer was accepted, and the server wants more. */
  readonly isPartial: boolean
}

/** Tells `onFailure` before ssh2 acts on it. As `comeBefore`. */
export function watchFailures(client: Client, onFailure: (refused: RefusedOffer) => void): boolean {
  return comeBefore(client, 'USERAUTH_FAILURE', (passOn, methods, isPartial) => {
    onFailure({ methods: textsOf(methods), isPartial: isPartial === true })
    passOn()
  })
}

function textsOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : []
}
