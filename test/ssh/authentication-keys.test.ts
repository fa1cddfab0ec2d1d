// Key files against a real sshd: locked ones of every common kind, kinds that fleet cannot use, and servers that want two keys.
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { Secret } from '../../src/core/index.ts'
import { generateKeyPair, type Target } from '../../src/ssh/index.ts'
import { startSshd, whyNoSshd, type Sshd } from './sshd.ts'
import { createWorkbench, errorOf, openSockets, eventually, type Workbench } from './workbench.ts'

const missing = whyNoSshd()
if (missing !== undefined) process.stderr.write(`SKIPPED key files against a real sshd: ${missing}\n`)

const PASSPHRASE = 'öpen "sesame" $1'

describe.skipIf(missing !== undefined)('key files with a real sshd', () => {
  let bench: Workbench
  let sshd: Sshd
  let asked: string[]

  beforeAll(async () => {
    bench = createWorkbench()
    sshd = await startSshd(bench)
  })
  afterAll(async () => {
    await sshd.close()
    bench.remove()
    await eventually(() => openSockets() === 0, 'no socket is left')
  })
  beforeEach(() => {
    asked = []
  })

  const authorize = (...lines: string[]): string => bench.write(`authorized_keys_${sshd.port}`, `${lines.join('\n')}\n`)
  const asking = (answer = PASSPHRASE): Pick<Target, 'passphrase'> => ({
    passphrase: (identity) => {
      asked.push(identity)
      return Promise.resolve(new Secret(answer))
    },
  })
  const target = (identities: string[], changes: Partial<Target> = {}): Target =>
    bench.target(sshd, { identities, ...changes })
  const connect = async (at: Target): Promise<string> => {
    const connection = await bench.transport({ acceptNew: true }).connect(at)
    await connection.close()
    return connection.facts?.accepted ?? ''
  }
  const refused = (at: Target) => errorOf(bench.transport({ acceptNew: true }).connect(at), 'FLEET_SSH_AUTH')
  /** Its public line. */
  const makeKey = (name: string, args: readonly string[], passphrase = ''): string => {
    const file = join(bench.folder, name)
    execFileSync('ssh-keygen', ['-q', '-N', passphrase, '-C', 'test', '-f', file, ...args])
    return execFileSync('ssh-keygen', ['-y', '-P', passphrase, '-f', file], { encoding: 'utf8' }).trim()
  }
  const file = (name: string): string => join(bench.folder, name)
  const stranger = (): string => bench.write('stranger', generateKeyPair().private)

  describe.each([
    ['ed25519', ['-t', 'ed25519', '-a', '1']],
    ['ecdsa', ['-t', 'ecdsa', '-b', '384', '-a', '1']],
    ['rsa', ['-t', 'rsa', '-b', '2048', '-a', '1']],
    ['ecdsa-pem', ['-t', 'ecdsa', '-m', 'PEM']],
    ['rsa-pem', ['-t', 'rsa', '-b', '2048', '-m', 'PEM']],
  ])('a locked key (%s)', (name, args) => {
    let line: string
    beforeAll(() => {
      line = makeKey(name, args, PASSPHRASE)
    })

    test('is opened once the server has said that it takes it, after another key was refused', async () => {
      authorize(line)
      expect(await connect(target([stranger(), file(name)], asking()))).toBe(file(name))
      expect(asked).toEqual([file(name)])
    })

    test('is not asked about when the server does not know it', async () => {
      authorize(generateKeyPair().public)
      const error = await refused(target([stranger(), file(name)], asking()))
      expect(asked).toEqual([])
      expect(error.message).toContain(`offered ${file('stranger')}, ${file(name)}`)
    })

    test('that a wrong passphrase does not open is said so, and asked about once', async () => {
      authorize(line)
      const error = await refused(target([stranger(), file(name)], asking('wrong sesame')))
      expect(asked).toEqual([file(name)])
      expect(error.message).toContain('the passphrase does not open it')
      expect(`${error.message}${error.remedy ?? ''}${JSON.stringify(error)}`).not.toContain('wrong sesame')
    })
  })

  test('a locked key whose public half nobody knows is asked about when it is its turn', async () => {
    authorize(makeKey('alone', ['-t', 'rsa', '-b', '2048', '-m', 'PEM'], PASSPHRASE))
    execFileSync('rm', [file('alone.pub')])
    expect(await connect(target([stranger(), file('alone')], asking()))).toBe(file('alone'))
    expect(asked).toEqual([file('alone')])
  })

  test('a locked key that nobody can be asked about is named, with what to do', async () => {
    authorize(generateKeyPair().public)
    makeKey('mute', ['-t', 'ed25519', '-a', '1'], PASSPHRASE)
    expect((await refused(target([stranger(), file('mute')]))).message).toContain('nobody can be asked')
    const only = await errorOf(
      bench.transport({ acceptNew: true }).connect(target([file('mute')])),
      'FLEET_SSH_KEY_FILE',
    )
    expect(only.remedy).toContain('ssh-add')
  })

  test.each(['PKCS8', 'RFC4716'])(
    'a locked key in the format %s works, or the error names the file',
    async (format) => {
      authorize(makeKey(format, ['-t', 'rsa', '-b', '2048', '-m', format], PASSPHRASE))
      const outcome = await connect(target([file(format)], asking())).catch((error: unknown) => String(error))
      expect(outcome).toContain(file(format))
    },
  )

  test('a FIDO key file is named as one', async () => {
    const type = 'sk-ssh-ed25519@openssh.com'
    const fields = (...values: (string | Buffer)[]): Buffer =>
      Buffer.concat(
        values.flatMap((value) => {
          const length = Buffer.alloc(4)
          length.writeUInt32BE(Buffer.byteLength(value))
          return [length, Buffer.from(value)]
        }),
      )
    const blob = fields(type, Buffer.alloc(32, 7), 'ssh:')
    const body = Buffer.concat([
      Buffer.from('openssh-key-v1\0'),
      fields('none', 'none', ''),
      Buffer.from([0, 0, 0, 1]),
      fields(blob, Buffer.alloc(64)),
    ])
    authorize(generateKeyPair().public)
    const key = bench.write(
      'id_ed25519_sk',
      `-----BEGIN OPENSSH PRIVATE KEY-----\n${body.toString('base64')}\n-----END OPENSSH PRIVATE KEY-----\n`,
    )
    const publicHalf = bench.write('only_sk.pub', `${type} ${blob.toString('base64')} me@desk\n`)
    const error = await refused(target([stranger(), key, publicHalf], asking()))
    expect(error.message).toContain(`${key}, it is a FIDO key (${type}), which fleet cannot use in this version`)
    expect(error.message).toContain(`fleet cannot use the FIDO key (${type}) ${publicHalf} in this version`)
    expect(asked).toEqual([])
  })

  test('a certificate beside a key is named when it would have been needed', async () => {
    makeKey('authority', ['-t', 'ed25519'])
    makeKey('certified', ['-t', 'ed25519'])
    execFileSync('ssh-keygen', ['-q', '-s', file('authority'), '-I', 'me', '-n', 'root', file('certified.pub')])
    authorize(generateKeyPair().public)
    const error = await refused(target([file('certified')]))
    expect(error.message).toContain(
      `fleet cannot present the certificate ${file('certified-cert.pub')} in this version`,
    )
    // The bare key may be known there all the same.
    authorize(execFileSync('ssh-keygen', ['-y', '-f', file('certified')], { encoding: 'utf8' }))
    expect(await connect(target([file('certified')]))).toBe(file('certified'))
  })

  describe('a server that wants two keys', () => {
    let strict: Sshd
    beforeAll(async () => {
      const authorized = [bench.publicKey, makeKey('second', ['-t', 'ecdsa', '-a', '1'], PASSPHRASE)]
      strict = await startSshd(bench, { config: ['AuthenticationMethods publickey,publickey'], authorized })
    })
    afterAll(() => strict.close())

    test('gets both, one of them opened late', async () => {
      const identities = [bench.identity, file('second')]
      expect(await connect(bench.target(strict, { identities, ...asking() }))).toBe(identities.join(' and '))
      expect(asked).toEqual([file('second')])
    })

    test('is named as such when there is only one', async () => {
      const error = await refused(bench.target(strict, { identities: [bench.identity, stranger()] }))
      expect(error.message).toContain(`it accepted ${bench.identity} and asked for more`)
    })
  })
})
