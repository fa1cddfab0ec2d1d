// What is offered next, and which prompts get the password: both pure.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { nextStep, orderOffers, type AuthState, type PasswordMethod } from '../../src/ssh/auth-order.ts'
import { asksForPassword, showPrompts } from '../../src/ssh/password-prompt.ts'

interface Key {
  readonly name: string
  readonly blob: Buffer
}
const key = (name: string): Key => ({ name, blob: Buffer.from(name) })
const names = (keys: readonly Key[]): string => keys.map(({ name }) => name).join(' ')
const BOTH: readonly PasswordMethod[] = ['keyboard-interactive', 'password']

describe('the order of keys', () => {
  test('is: agent keys that are files too, other agent keys, files that no agent has', () => {
    expect(names(orderOffers(['x', 'b', 'y', 'a'].map(key), ['a', 'b', 'c'].map(key), 6))).toBe('a b x y c')
  })

  test('counts an agent key as named that only a public half names', () => {
    const agent = [...['1', '2', '3', '4', '5', '6'].map(key), { ...key('b'), named: 1 }, { ...key('a'), named: 0 }]
    expect(names(orderOffers(agent, ['c'].map(key), 6))).toBe('a b 1 2 3 c')
  })

  test('cuts other agent keys first when there are too many', () => {
    const agent = ['1', '2', '3', '4', '5', '6', 'a'].map(key)
    expect(names(orderOffers(agent, ['a', 'c'].map(key), 6))).toBe('a 1 2 3 4 c')
  })

  test('never offers more keys than there is room for, nor one twice', () => {
    const keys = fc
      .uniqueArray(fc.integer({ min: 0, max: 15 }), { maxLength: 12 })
      .map((numbers) => numbers.map((number) => key(`k${number}`)))
    fc.assert(
      fc.property(keys, keys, fc.integer({ min: -2, max: 8 }), (agent, files, limit) => {
        const offers = orderOffers(agent, files, limit)
        const all = new Set([...agent, ...files].map(({ name }) => name))
        expect(new Set(offers.map(({ name }) => name)).size).toBe(offers.length)
        expect(offers.length).toBe(Math.max(0, Math.min(limit, all.size)))
      }),
    )
  })
})

describe('the next step of an authentication', () => {
  /** Everything that is offered to a server which takes these methods and refuses every offer. */
  const offers = (
    agentKeys: Key[],
    files: Key[],
    passwordMethods: readonly PasswordMethod[],
    takes: string[],
  ): string => {
    let state: AuthState<Key, Key> = { accepted: undefined, agentKeys, files, refusals: 0, passwordMethods }
    const made: string[] = []
    for (;;) {
      const step = nextStep(state)
      if (step.kind === 'give-up') return made.join(' ')
      made.push(step.kind === 'key' ? step.key.name : step.kind)
      state = {
        accepted: takes,
        agentKeys: state.agentKeys.filter((one) => step.kind !== 'key' || one !== step.key),
        files: state.files.filter((one) => step.kind !== 'key' || one !== step.key),
        refusals: state.refusals + (step.kind === 'none' ? 0 : 1),
        passwordMethods: state.passwordMethods.filter((one) => one !== step.kind),
      }
    }
  }
  const many = ['1', '2', '3', '4', '5', '6', '7'].map(key)
  const all = ['publickey', 'password', 'keyboard-interactive']

  test('leaves room for the password when there is one and the server takes it', () => {
    expect(offers(many, [key('f')], BOTH, all)).toBe('1 2 3 f keyboard-interactive password')
    expect(offers(many, [key('f')], BOTH, ['publickey', 'password'])).toBe('1 2 3 4 f password')
    expect(offers(many, [key('f')], BOTH, ['publickey'])).toBe('1 2 3 4 5 f')
    expect(offers(many, [key('f')], [], all)).toBe('1 2 3 4 5 f')
  })

  test('asks for the methods when there is only a password, and tries nothing that the server does not take', () => {
    expect(offers([], [], BOTH, ['password'])).toBe('none password')
    expect(offers([], [], BOTH, ['gssapi-with-mic'])).toBe('none')
    expect(offers(many, [], BOTH, ['password'])).toBe('1 password')
  })

  test('never makes sshd count more than six tries', () => {
    const count = fc.integer({ min: 0, max: 12 })
    fc.assert(
      fc.property(count, count, fc.subarray([...BOTH]), fc.subarray(all), (agent, files, methods, takes) => {
        const keys = (prefix: string, length: number): Key[] =>
          Array.from({ length }, (_, index) => key(`${prefix}${index}`))
        const made = offers(keys('a', agent), keys('f', files), methods, takes).split(' ')
        expect(made.filter((one) => one !== 'none' && one !== '').length).toBeLessThanOrEqual(6)
      }),
    )
  })
})

describe('a prompt', () => {
  test.each(['Password: ', "root@node01's password:", 'Passwort: ', 'Mot de passe : ', 'パスワード:', ''])(
    '%j is answered with the password',
    (prompt) => {
      expect(asksForPassword([{ prompt, echo: false }])).toBe(true)
    },
  )

  test.each([
    'Verification code: ',
    'One-time password (OATH) for `root`: ',
    'Enter PASSCODE: ',
    'Current password: ',
    'New password: ',
    'Retype new password: ',
    'PIN for the token: ',
    'Duo two-factor login',
  ])('%j is not', (prompt) => {
    expect(asksForPassword([{ prompt, echo: false }])).toBe(false)
  })

  test('that shows what is typed, and several at once, are not', () => {
    expect(asksForPassword([{ prompt: 'Password: ', echo: true }])).toBe(false)
    expect(asksForPassword([])).toBe(false)
    expect(asksForPassword(['Password:', 'Password:'].map((prompt) => ({ prompt, echo: false })))).toBe(false)
  })

  test('is shown without what could move a terminal', () => {
    expect(showPrompts([{ prompt: '\u001b[2JCode:\r\n' }, { prompt: 'x'.repeat(500) }])).toMatch(
      /^" \[2JCode: \/ x{180,190}"$/,
    )
  })
})
