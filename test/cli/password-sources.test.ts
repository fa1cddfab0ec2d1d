// Where a password may come from when nobody types it: the environment or a descriptor, in this process.
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { passwordFrom, type PasswordOptions } from '../../src/cli/password.ts'
import { FleetError, type Secret } from '../../src/core/index.ts'

/** What came of it: the password, or the error's code and message. */
async function outcomeOf(options: PasswordOptions, environment: NodeJS.ProcessEnv = {}): Promise<string | undefined> {
  try {
    return (await passwordFrom(options, environment))?.reveal()
  } catch (error) {
    if (error instanceof FleetError) return `${error.code}: ${error.message} ${error.remedy ?? ''}`
    throw error
  }
}

describe('a password from the environment', () => {
  it('is the variable as it stands, which no later process inherits', async () => {
    const environment = { PW: ' a\tb"€\n', HOME: '/' }
    expect(await outcomeOf({ passwordEnv: 'PW' }, environment)).toBe(' a\tb"€\n')
    expect(environment).toEqual({ HOME: '/' })
  })

  it('is an error when the variable is missing or empty, with its name', async () => {
    expect(await outcomeOf({ passwordEnv: 'PW' })).toMatch(/^FLEET_CLI_NO_PASSWORD: .*variable PW/)
    expect(await outcomeOf({ passwordEnv: 'PW' }, { PW: '' })).toMatch(/^FLEET_CLI_NO_PASSWORD: /)
  })

  it('is not looked for under what is no name, and that is not repeated', async () => {
    for (const name of ['hunter2!', '', 'A=B', '1A', 'A\n'])
      expect(await outcomeOf({ passwordEnv: name })).toMatch(/^FLEET_CLI_BAD_OPTION: (?!.*hunter2)/)
  })
})

describe('a password from a descriptor', () => {
  let folder: string
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'fleet-password-'))
  })
  afterAll(() => {
    rmSync(folder, { recursive: true })
  })
  const from = async (content: string | Buffer): Promise<string | undefined> => {
    const file = join(folder, 'secret')
    writeFileSync(file, content)
    const descriptor = openSync(file, 'r')
    try {
      return await outcomeOf({ passwordFd: String(descriptor) })
    } finally {
      closeSync(descriptor)
    }
  }

  it.each([
    ['secret\n', 'secret'],
    ['secret\r\n', 'secret'],
    ['secret', 'secret'],
    ['secret\nmore\n', 'secret'],
    [' s€cret \n', ' s€cret '],
  ])('%j is its first line', async (content, password) => {
    expect(await from(content)).toBe(password)
  })

  it.each([
    ['nothing', '', 'found none'],
    ['an empty first line', '\nsecret\n', 'found none'],
    ['a line without end', Buffer.alloc(100_000, 0x61), 'longer than 4096 bytes'],
    ['bytes that are not UTF-8', Buffer.from([0x61, 0xfc, 0x0a]), 'not UTF-8'],
  ])('with %s is an error', async (_what, content, said) => {
    const outcome = await from(content)
    expect(outcome).toMatch(/^FLEET_CLI_NO_PASSWORD: /)
    expect(outcome).toContain(said)
  })

  it('that is not open, a folder or a device is an error', async () => {
    expect(await outcomeOf({ passwordFd: '123456' })).toMatch(/^FLEET_CLI_NO_PASSWORD: .*not open/)
    for (const path of [folder, '/dev/zero']) {
      const descriptor = openSync(path, 'r')
      expect(await outcomeOf({ passwordFd: String(descriptor) })).toMatch(/^FLEET_CLI_NO_PASSWORD: .*neither a file/)
      closeSync(descriptor)
    }
  })

  it('that is no number is an error, and is not repeated', async () => {
    for (const text of ['hunter2', '-1', '1.5', '', '1 '])
      expect(await outcomeOf({ passwordFd: text })).toMatch(/^FLEET_CLI_BAD_OPTION: (?!.*hunter2)/)
  })
})

describe('options for passwords', () => {
  it('exclude one another, and nothing is read', async () => {
    const environment = { PW: 'x' }
    const options = { askPassword: true, passwordEnv: 'PW', passwordFd: '0' }
    expect(await outcomeOf(options, environment)).toMatch(
      /^FLEET_CLI_BAD_OPTION: .*--ask-password and --password-env and --password-fd/,
    )
    expect(environment).toEqual({ PW: 'x' })
  })

  it('may all be left out', async () => {
    const none: Secret | undefined = await passwordFrom({})
    expect(none).toBeUndefined()
  })
})
