import { execFileSync } from 'node:child_process'
import { createPrivateKey, createPublicKey, randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { afterAll, describe, expect, test } from 'vitest'
import ssh2 from 'ssh2'
import { encodeKeyPair, generateKeyPair } from '../../src/ssh/key-pair.ts'
import { createWorkbench } from './workbench.ts'

describe('a generated key pair', () => {
  const bench = createWorkbench()
  afterAll(bench.remove)

  test('can be read by ssh2, and its public half belongs to its private half', () => {
    for (let index = 0; index < 50; index += 1) {
      const pair = generateKeyPair('c')
      const key = ssh2.utils.parseKey(pair.private)
      if (key instanceof Error) throw key
      expect(pair.public).toBe(`ssh-ed25519 ${key.getPublicSSH().toString('base64')} c`)
      const text = randomBytes(20)
      const open = ssh2.utils.parseKey(pair.public)
      expect(open instanceof Error ? false : open.verify(text, key.sign(text))).toBe(true)
    }
  })

  test.skipIf(!existsSync('/usr/bin/ssh-keygen'))(
    'can be read by ssh-keygen, whatever the length of its comment',
    () => {
      for (const comment of ['', 'a', 'ab', 'abc', 'abcd', 'abcde', 'abcdef', 'abcdefg']) {
        const pair = generateKeyPair(comment)
        const file = bench.write(`key${comment.length}`, pair.private)
        expect(execFileSync('ssh-keygen', ['-y', '-f', file], { encoding: 'utf8' }).trim()).toBe(pair.public.trim())
      }
    },
  )

  test('keeps a public key that begins with a zero byte whole', () => {
    // Walk through seeds until the public key begins with zero: one in 256 does.
    const prefix = Buffer.from('302e020100300506032b657004220420', 'hex')
    for (let index = 0; ; index += 1) {
      const seed = Buffer.alloc(32)
      seed.writeUInt32BE(index)
      const privateKey = createPrivateKey({ key: Buffer.concat([prefix, seed]), format: 'der', type: 'pkcs8' })
      const publicKey = Buffer.from(createPublicKey(privateKey).export({ format: 'jwk' }).x ?? '', 'base64url')
      if (publicKey[0] !== 0) continue
      const key = ssh2.utils.parseKey(encodeKeyPair(publicKey, seed, 'zero').private)
      expect(key).not.toBeInstanceOf(Error)
      break
    }
  })
})
