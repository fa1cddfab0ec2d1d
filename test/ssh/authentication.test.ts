// Passwords, prompts and several methods in a row, against ssh2's server in this process: each answer of the server is ours to choose.
import { once } from 'node:events'
import ssh2, { type AuthContext } from 'ssh2'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Secret } from '../../src/core/index.ts'
import { generateKeyPair } from '../../src/ssh/index.ts'
import { createWorkbench, errorOf, eventually, openSockets, type Workbench } from './workbench.ts'

const PASSWORD = 'correct horse'

describe('a server that asks for more than a key', () => {
  let bench: Workbench
  let server: ssh2.Server
  let seen: string[]
  let asked: number

  const listen = async (decide: (context: AuthContext) => void): Promise<{ address: string; port: number }> => {
    server = new ssh2.Server({ hostKeys: [generateKeyPair().private] }, (client) => {
      client.on('error', () => undefined)
      client.on('authentication', (context) => {
        if (context.method !== 'publickey' || context.signature === undefined) seen.push(context.method)
        decide(context)
      })
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    if (address === null || typeof address === 'string') throw new Error('no port')
    return { address: '127.0.0.1', port: address.port }
  }
  const password = (text = PASSWORD) => ({
    password: (): Promise<Secret> => {
      asked += 1
      return Promise.resolve(new Secret(text))
    },
  })
  const takesPassword = (context: AuthContext): void => {
    if (context.method === 'password' && context.password === PASSWORD) context.accept()
    else context.reject(['publickey', 'password'])
  }
  const asks =
    (prompts: ssh2.Prompt[], methods: ssh2.AuthenticationType[] = ['keyboard-interactive']) =>
    (context: AuthContext): void => {
      if (context.method !== 'keyboard-interactive') context.reject(methods)
      else
        context.prompt(prompts, (answers) => {
          if (answers[0] === PASSWORD) context.accept()
          else context.reject(methods)
        })
    }
  const HIDDEN = [{ prompt: 'Password: ', echo: false }]

  beforeEach(() => {
    bench = createWorkbench()
    seen = []
    asked = 0
  })
  afterEach(async () => {
    server.close()
    await once(server, 'close')
    bench.remove()
    await eventually(() => openSockets() === 0, 'no socket is left')
  })
  const connect = async (at: { address: string; port: number }, changes = {}): Promise<void> => {
    await (await bench.transport({ acceptNew: true }).connect(bench.target(at, changes))).close()
  }
  const refused = (at: { address: string; port: number }, changes = {}) =>
    errorOf(bench.transport({ acceptNew: true }).connect(bench.target(at, changes)), 'FLEET_SSH_AUTH')

  test('gets the password after the key was refused', async () => {
    await connect(await listen(takesPassword), password())
    expect(seen).toEqual(['publickey', 'password'])
  })

  test('is asked for its methods first when there is no key', async () => {
    await connect(await listen(takesPassword), { identities: [], ...password() })
    expect(seen).toEqual(['none', 'password'])
  })

  test('is not sent the password when it takes the key', async () => {
    await connect(
      await listen((context) => {
        if (context.method === 'publickey') context.accept()
        else context.reject()
      }),
      password(),
    )
    expect(asked).toBe(0)
  })

  test('has its question for the password answered', async () => {
    await connect(await listen(asks(HIDDEN)), password())
    expect(seen).toEqual(['publickey', 'keyboard-interactive'])
  })

  test('gets a wrong password once, by one method only, and no error holds it', async () => {
    const at = await listen(asks(HIDDEN, ['keyboard-interactive', 'password']))
    const error = await refused(at, password('wrong horse'))
    expect(seen).toEqual(['publickey', 'keyboard-interactive'])
    expect(error.retryable).toBe(false)
    expect(JSON.stringify(error) + error.message + String(error.stack)).not.toContain('wrong horse')
    expect(error.remedy).toContain('check the password')
  })

  test.each([
    ['a one-time code', [{ prompt: 'Verification code: ', echo: false }]],
    ['something visible', [{ prompt: 'Your name: ', echo: true }]],
    ['two things at once', [...HIDDEN, { prompt: 'Verification code: ', echo: false }]],
  ])('with %s gets no answer, and the prompt is named', async (_what, prompts) => {
    const error = await refused(await listen(asks(prompts)), password())
    expect(error.message).toContain(prompts.at(-1)?.prompt.trim())
    expect(error.message).toContain('does not answer')
    expect(asked).toBe(0)
  })

  test('with a second question after the password is given up, with that question', async () => {
    const at = await listen((context) => {
      if (context.method !== 'keyboard-interactive') context.reject(['keyboard-interactive'])
      else
        context.prompt(HIDDEN, () => {
          context.prompt([{ prompt: 'Code: ', echo: false }], () => {
            context.reject()
          })
        })
    })
    expect((await refused(at, password())).message).toContain('Code:')
  })

  test('and wants a key and then the password gets both, the key without a second try', async () => {
    let isKeyGood = false
    const at = await listen((context) => {
      if (context.method === 'publickey' && context.signature !== undefined) {
        isKeyGood = true
        context.reject(['keyboard-interactive'], true)
      } else if (context.method === 'publickey' && !isKeyGood) context.accept()
      else if (context.method === 'keyboard-interactive' && isKeyGood)
        context.prompt(HIDDEN, (answers) => {
          if (answers[0] === PASSWORD) context.accept()
          else context.reject()
        })
      else context.reject(['publickey'])
    })
    await connect(at, password())
    expect(seen).toEqual(['publickey', 'keyboard-interactive'])
  })

  test('and takes only what fleet cannot do is told so by name', async () => {
    const at = await listen((context) => {
      context.reject(['hostbased'])
    })
    const error = await refused(at, { notes: ['ssh_config asks for GSSAPI (config:3)'] })
    expect(error.message).toContain('fleet cannot log in with hostbased in this version')
    expect(error.message).toContain('ssh_config asks for GSSAPI (config:3)')
  })

  test('waits while a person types, longer than authentication may take otherwise', async () => {
    const at = await listen(takesPassword)
    const slow = { password: () => new Promise<Secret>((resolve) => setTimeout(resolve, 900, new Secret(PASSWORD))) }
    const transport = bench.transport({ acceptNew: true, timers: { authMs: 300 } })
    await (await transport.connect(bench.target(at, { identities: [], ...slow }))).close()
  })

  test('is left in peace when nobody gives the password', async () => {
    const at = await listen(takesPassword)
    const error = await refused(at, { password: () => Promise.reject(new Error('nobody at the terminal')) })
    expect(error.message).toContain('nobody at the terminal')
    expect(seen).toEqual(['publickey'])
  })
})
