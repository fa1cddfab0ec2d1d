// The authentication dialogue with one server: one offer after the other, and what came back. It ends when the server lets us in,
// hangs up, or when nothing is left that it would take.
//
//   next ──▶ offer a key ─────────────▶ refused ──▶ next
//        ──▶ keyboard-interactive ──▶ prompt ──▶ the password, once; any other question ends this method
//        ──▶ password ───────────────▶ refused ──▶ next
//        ──▶ give up
// A partial success (several methods are demanded) goes to `next` as well, and costs no try.
import type { AnyAuthMethod, Client } from 'ssh2'
import { messageOf, type FleetError } from '../core/index.ts'
import { authError } from './auth-error.ts'
import { nextStep, type PasswordMethod, type Step } from './auth-order.ts'
import type { Asking, Credentials, Offer } from './credentials.ts'
import { asksForPassword, showPrompts, type Prompt } from './password-prompt.ts'
import type { Target } from './transport.ts'
import { watchFailures } from './userauth-failures.ts'

/** ssh2 also takes false, which ends the dialogue; its types do not know. */
type Proceed = (method: AnyAuthMethod) => void

export interface Dialogue {
  /** ssh2's `authHandler`. */
  readonly next: (accepted: readonly string[] | null, isPartial: boolean | null, proceed: Proceed) => void
  /** Listens to what ssh2 does not tell its `authHandler`. To be called once, after `connect`. */
  watch(client: Client): void
  /** How much longer than until now authentication may take, because a person was asked meanwhile. Milliseconds, 0 for not at all. */
  extraMs(authMs: number): number
  /** Is this error of ssh2 the server's final no? */
  isRefusal(error: Error & { level?: string; code?: unknown }): boolean
  /** That no, as an error that says what was offered. */
  refusal(target: Target, cause: unknown): FleetError
  /** How messages name the offer that was made last, after those that had a part in letting us in; empty before the first. */
  lastOffer(): string
}

/** `nowMs`: any clock that does not step back. */
export function createDialogue(credentials: Credentials, nowMs = (): number => performance.now()): Dialogue {
  const question = createQuestion(nowMs)
  const left = { agentKeys: [...credentials.agentKeys], files: [...credentials.files] }
  const passwordMethods = new Set<PasswordMethod>(
    credentials.password === undefined ? [] : ['keyboard-interactive', 'password'],
  )
  const offered: string[] = []
  const passed: string[] = []
  let accepted: readonly string[] | undefined
  let refusals = 0
  let obstacle: string | undefined
  let isWatching = false
  let isOver = false
  let proceedWith: Proceed = () => undefined

  const hear = (methods: readonly string[], isPartial: boolean): void => {
    accepted = methods
    const last = offered.at(-1)
    if (isPartial && last !== undefined) passed.push(last)
    else if (offered.length > 0) refusals += 1
  }

  const step = (): Step<Offer> =>
    nextStep({
      accepted,
      agentKeys: left.agentKeys,
      files: left.files,
      refusals,
      passwordMethods: [...passwordMethods],
    })

  const methodFor = async (chosen: Exclude<Step<Offer>, { kind: 'give-up' }>): Promise<AnyAuthMethod | undefined> => {
    const username = credentials.user
    switch (chosen.kind) {
      case 'none':
        return { type: 'none', username }
      case 'key': {
        left.agentKeys = left.agentKeys.filter((offer) => offer !== chosen.key)
        left.files = left.files.filter((offer) => offer !== chosen.key)
        const method = await chosen.key.method(question.ask)
        if (method !== undefined) offered.push(chosen.key.label)
        return method
      }
      case 'keyboard-interactive':
        passwordMethods.delete('keyboard-interactive')
        offered.push('keyboard-interactive')
        return { type: 'keyboard-interactive', username, prompt: answerPrompts() }
      case 'password': {
        passwordMethods.delete('password')
        const password = await askPassword()
        if (password === undefined) return undefined
        offered.push('password')
        return { type: 'password', username, password }
      }
    }
  }

  const askPassword = async (): Promise<string | undefined> => {
    try {
      return credentials.password && (await question.ask(credentials.password)).reveal()
    } catch (error) {
      passwordMethods.clear()
      obstacle = `there is no password to send: ${messageOf(error)}`
      return undefined
    }
  }

  const answerPrompts = () => {
    let isAnswered = false
    return (
      _name: string,
      _text: string,
      _language: string,
      prompts: Prompt[],
      answer: (answers: string[]) => void,
    ) => {
      const answered = async (): Promise<void> => {
        if (isAnswered || !asksForPassword(prompts)) {
          // Asked again means that the password was wrong; a new request ends this one (RFC 4256 3.1).
          obstacle = isAnswered
            ? `it asked again: ${showPrompts(prompts)}`
            : `it asked ${showPrompts(prompts)}, which fleet does not answer`
          await goOn()
          return
        }
        const password = await askPassword()
        if (isOver) return
        if (password === undefined) {
          await goOn()
          return
        }
        isAnswered = true
        // A wrong password is not sent a second time by another method.
        passwordMethods.delete('password')
        answer([password])
      }
      void answered()
    }
  }

  // Asked anew after every wait: the connection may be gone by then.
  const isGone = (): boolean => isOver

  /** Offers what comes next, unless the connection is gone. */
  const goOn = async (): Promise<void> => {
    for (;;) {
      if (isGone()) return
      const chosen = step()
      if (chosen.kind === 'give-up') {
        isOver = true
        Reflect.apply(proceedWith, undefined, [false])
        return
      }
      const method = await methodFor(chosen)
      if (isGone()) return
      if (method !== undefined) {
        proceedWith(method)
        return
      }
    }
  }

  return {
    next: (methods, isPartial, proceed) => {
      proceedWith = proceed
      if (!isWatching && methods !== null) hear(methods, isPartial === true)
      void goOn()
    },
    watch: (client) => {
      isWatching = watchFailures(client, ({ methods, isPartial }) => {
        hear(methods, isPartial)
      })
      client.once('close', () => (isOver = true))
      client.once('ready', () => (isOver = true))
      client.on('change password', (prompt) => {
        obstacle = `the password has expired: it asked ${showPrompts([{ prompt }])}`
        void goOn()
      })
    },
    extraMs: question.extraMs,
    // Either everything was offered in vain, or the server said "Too many authentication failures" (a disconnect with words).
    isRefusal: (error) =>
      error.level === 'client-authentication' || (typeof error.code === 'number' && offered.length > 0),
    refusal: (target, cause) =>
      authError(target, {
        offered,
        accepted: accepted ?? [],
        leftOut:
          accepted?.includes('publickey') === false
            ? NONE
            : { agentKeys: left.agentKeys.length, files: left.files.length },
        unusable: credentials.unusable,
        notes: credentials.notes,
        passed,
        obstacle,
        said: cause instanceof Error && 'code' in cause && typeof cause.code === 'number' ? cause.message : undefined,
        cause,
      }),
    lastOffer: () => [...new Set([...passed, ...offered.slice(-1)])].join(' and '),
  }
}

const NONE = { agentKeys: 0, files: 0 }

/** Questions to a person, and the time that they take. */
function createQuestion(nowMs: () => number): { readonly ask: Asking; readonly extraMs: (authMs: number) => number } {
  let open = 0
  let answeredMs = -Infinity
  return {
    ask: async (question) => {
      open += 1
      try {
        return await question()
      } finally {
        open -= 1
        answeredMs = nowMs()
      }
    },
    // While a person thinks, a whole term; afterwards what is left of one since the answer.
    extraMs: (authMs) => (open > 0 ? authMs : Math.max(0, Math.ceil(answeredMs + authMs - nowMs()))),
  }
}
