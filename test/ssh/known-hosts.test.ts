import { createHmac } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { generateKeyPair } from '../../src/ssh/index.ts'
import { judgeHostKey, trustedKeyTypes, type Verdict } from '../../src/ssh/host-key-verdict.ts'
import { hostName, hostNames, isRecordable } from '../../src/ssh/host-name.ts'
import { matchesPatterns } from '../../src/ssh/host-pattern.ts'
import { parseKnownHostsLine } from '../../src/ssh/known-hosts-line.ts'
import { knownHostsLine, parseKnownHosts } from '../../src/ssh/known-hosts.ts'

const newKey = (): { text: string; blob: Buffer } => {
  const [type = '', base64 = ''] = generateKeyPair().public.split(' ')
  return { text: `${type} ${base64}`, blob: Buffer.from(base64, 'base64') }
}
const key = newKey()
const other = newKey()
// The type is all that is looked at in a key that is not the one shown.
const rsaBlob = Buffer.concat([Buffer.from([0, 0, 0, 7]), Buffer.from('ssh-rsa'), Buffer.alloc(20)])
const rsa = { text: `ssh-rsa ${rsaBlob.toString('base64')}`, blob: rsaBlob }

const judge = (text: string, address = 'node1', port = 22, blob = key.blob, alias?: string): Verdict =>
  judgeHostKey(
    parseKnownHosts(text, 'kh'),
    hostNames({ address, port, ...(alias === undefined ? {} : { hostKeys: { alias } }) }),
    blob,
  )
const verdict = (...args: Parameters<typeof judge>): string => judge(...args).kind

const hashed = (name: string): string => {
  const salt = Buffer.alloc(20, 7)
  return `|1|${salt.toString('base64')}|${createHmac('sha1', salt).update(name).digest('base64')}`
}

describe('known hosts', () => {
  test.each([
    ['a plain name', `node1 ${key.text}`, 'trusted'],
    ['a name in capitals', `NODE1 ${key.text}`, 'trusted'],
    ['a comment after the key', `node1 ${key.text} root@node1 and more`, 'trusted'],
    ['one of several names', `a,node1,b ${key.text}`, 'trusted'],
    ['a wildcard', `n?de* ${key.text}`, 'trusted'],
    ['a wildcard and a negation of this name', `node*,!node1 ${key.text}`, 'unknown'],
    ['a negation alone', `!node2 ${key.text}`, 'unknown'],
    ['a hashed name', `${hashed('node1')} ${key.text}`, 'trusted'],
    ['another hashed name', `${hashed('node2')} ${key.text}`, 'unknown'],
    ['a line with tabs and a carriage return', `\t node1\t${key.text.replace(' ', '\t')} \r`, 'trusted'],
    ['another name', `node11 ${key.text}`, 'unknown'],
    ['the same name on another port', `[node1]:2222 ${key.text}`, 'unknown'],
    ['a comment', `# node1 ${key.text}`, 'unknown'],
    ['nothing', '', 'unknown'],
    ['another key', `node1 ${other.text}`, 'changed'],
    ['another key of another type', `node1 ${rsa.text}`, 'changed'],
    ['another key and this one', `node1 ${other.text}\nnode1 ${key.text}`, 'trusted'],
    ['this key, revoked for every name', `node1 ${key.text}\n@revoked * ${key.text}`, 'revoked'],
    ['this key, revoked for another name', `node1 ${key.text}\n@revoked node2 ${key.text}`, 'trusted'],
    ['another key, revoked', `node1 ${key.text}\n@revoked * ${other.text}`, 'trusted'],
    ['a certificate authority with this very key', `@cert-authority * ${key.text}`, 'unknown'],
    ['a key cut short', `node1 ${key.text.slice(0, -8)}`, 'changed'],
  ])('with %s', (_what, text, expected) => {
    expect(verdict(text)).toBe(expected)
  })

  test('know a server on another port by [name]:port, plain and hashed', () => {
    expect(verdict(`[node1]:2222 ${key.text}`, 'node1', 2222)).toBe('trusted')
    expect(verdict(`${hashed('[node1]:2222')} ${key.text}`, 'Node1', 2222)).toBe('trusted')
    expect(verdict(`[*]:2222 ${key.text}`, 'node1', 2222)).toBe('trusted')
    expect(hostName('FE80::1', 22)).toBe('fe80::1')
  })

  test('name the certificate authorities that could not be used', () => {
    expect(judge(`@cert-authority *.example.net,node1 ${other.text}`)).toMatchObject({
      kind: 'unknown',
      authorities: [{ number: 1 }],
    })
  })

  test('show all old keys of a changed server, those of the same type first', () => {
    expect(judge(`node1 ${rsa.text}\n\nnode1 ${other.text}`)).toMatchObject({
      kind: 'changed',
      known: [
        { number: 3, keyType: 'ssh-ed25519' },
        { number: 1, keyType: 'ssh-rsa' },
      ],
    })
  })

  test('say so when a line about this server cannot be read, which then gains no key by itself', () => {
    expect(judge('node2 x\nnode1,node3 ssh-ed25519')).toMatchObject({ kind: 'unknown', broken: [{ number: 2 }] })
    expect(judge('@revoked * oops')).toMatchObject({ kind: 'unknown', broken: [{ number: 1 }] })
  })

  test.each([
    ['too few fields', 'node1 ssh-ed25519'],
    ['an unknown marker', `@trusted node1 ${key.text}`],
    ['a key that is not base64', 'node1 ssh-ed25519 ***'],
    ['a type that is not the key’s', `node1 ssh-rsa ${key.text.split(' ')[1] ?? ''}`],
  ])('report a line with %s by its number, and trust nobody for it', (_what, line) => {
    expect(parseKnownHosts(`# one\n${line}\n`, 'kh').about('node1')).toMatchObject({
      lines: [],
      broken: [{ file: 'kh', number: 2 }],
    })
    expect(parseKnownHostsLine(line, 'kh', 7)).toMatchObject({ file: 'kh', number: 7 })
  })

  test.each([
    ['cut short', `|1|abc ${key.text}`],
    ['of an unknown kind', `|2|YWJj|YWJj ${key.text}`],
    ['with a salt of another length', `|1|YWJj|${hashed('node1').split('|')[3] ?? ''} ${key.text}`],
  ])('take a hash %s for nobody’s name', (_what, line) => {
    expect(verdict(line)).toBe('unknown')
  })

  describe('of a server on another port, which has no line with its port,', () => {
    test.each([
      ['are those of its name alone', `node1 ${key.text}`, 'trusted'],
      ['are those of its name alone, hashed', `${hashed('node1')} ${key.text}`, 'trusted'],
      ['hold another key for the name alone, which says nothing about this port', `node1 ${other.text}`, 'unknown'],
      ['revoke the key for the name alone', `node1 ${key.text}\n@revoked node1 ${key.text}`, 'revoked'],
      ['revoke the key for the name with its port', `node1 ${key.text}\n@revoked [node1]:2222 ${key.text}`, 'revoked'],
    ])('%s', (_what, text, expected) => {
      expect(verdict(text, 'node1', 2222)).toBe(expected)
    })

    test('name the broken lines and the authorities of both names', () => {
      const text = `[node1]:2222 oops\nnode1 oops\n@cert-authority node1 ${other.text}\n@cert-authority [node1]:* ${other.text}`
      expect(judge(text, 'node1', 2222)).toMatchObject({
        kind: 'unknown',
        broken: [{ number: 1 }, { number: 2 }],
        authorities: [{ number: 4 }, { number: 3 }],
      })
    })
  })

  test('know a server on another port by the line with its port only, when there is one', () => {
    expect(verdict(`[node1]:2222 ${other.text}\nnode1 ${key.text}`, 'node1', 2222)).toBe('changed')
    expect(verdict(`[node1]:2222 ${key.text}\n@revoked node1 ${key.text}`, 'node1', 2222)).toBe('trusted')
  })

  test('know a server with an alias by its alias only, without port', () => {
    expect(verdict(`foo ${key.text}`, 'node1', 2222, key.blob, 'Foo')).toBe('trusted')
    expect(verdict(`foo ${other.text}\nnode1 ${key.text}`, 'node1', 22, key.blob, 'foo')).toBe('changed')
    expect(verdict(`node1 ${key.text}\n[node1]:2222 ${key.text}`, 'node1', 2222, key.blob, 'foo')).toBe('unknown')
  })

  test('never hold a name that would mean more than itself', () => {
    for (const name of ['*', 'a,b', 'a b', 'a\nb', '!a', '?', '|1|x', '@revoked', '#a', '', 'a\u00a0b', 'a\0'])
      expect(isRecordable(name), JSON.stringify(name)).toBe(false)
    for (const name of ['node1', '[10.0.0.7]:2222', 'fe80::1%eth0', '[fe80::1]:22022', 'bücher.example', 'a_b-c'])
      expect(isRecordable(name), name).toBe(true)
  })

  test('tell which key types to ask for first', () => {
    const known = parseKnownHosts(
      `node1 ${rsa.text}\nnode1 ${key.text}\n[node2]:2222 ${other.text}\n@revoked node1 ${other.text}\nnode2 ${rsa.text}`,
      'kh',
    )
    const types = (address: string, port: number): readonly string[] =>
      trustedKeyTypes(known, hostNames({ address, port }))
    expect(types('node1', 22)).toEqual(['ssh-rsa', 'ssh-ed25519'])
    expect(types('node1', 2222)).toEqual(['ssh-rsa', 'ssh-ed25519'])
    expect(types('node2', 2222)).toEqual(['ssh-ed25519'])
    expect(types('node3', 22)).toEqual([])
  })

  test('trust exactly the name and key that a line was written for', () => {
    const name = fc.stringMatching(/^[a-z0-9][a-z0-9.-]{0,20}$/)
    const port = fc.constantFrom(22, 2222, 65_535)
    fc.assert(
      fc.property(name, port, name, port, (address, number, elsewhere, otherNumber) => {
        const text = knownHostsLine(address, number, key.blob)
        expect(verdict(text, address, number)).toBe('trusted')
        expect(verdict(text, address, number, other.blob)).toBe('changed')
        const isElsewhere = address !== elsewhere || (number !== otherNumber && number !== 22)
        if (isElsewhere) expect(verdict(text, elsewhere, otherNumber)).toBe('unknown')
      }),
    )
  })

  test('never throw, whatever the file holds', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (text) => {
        expect(['unknown']).toContain(verdict(text))
      }),
    )
  })
})

describe('host patterns', () => {
  test('agree with a regular expression', () => {
    const part = fc.constantFrom('a', 'b', '*', '?', '.')
    fc.assert(
      fc.property(fc.array(part, { maxLength: 8 }), fc.stringMatching(/^[ab.]{0,8}$/), (parts, name) => {
        const pattern = parts.join('')
        const oracle = new RegExp(
          `^${parts.map((one) => (one === '*' ? '.*' : one === '?' ? '.' : one === '.' ? '\\.' : one)).join('')}$`,
        )
        expect(matchesPatterns([pattern], name)).toBe(oracle.test(name))
      }),
      { numRuns: 2000 },
    )
  })

  test('are quick even when a line tries to be slow', () => {
    const startedMs = performance.now()
    expect(matchesPatterns(['*a'.repeat(500) + 'b'], 'a'.repeat(5000))).toBe(false)
    expect(performance.now() - startedMs).toBeLessThan(2000)
  })
})
