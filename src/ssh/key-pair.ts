// Fresh keys for the demo and for tests, in OpenSSH's own formats. Written here because ssh2's generator drops leading zero
// bytes of the public key: one ed25519 key in 256 comes out malformed (measured with ssh2 1.17.0).
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { FleetError } from '../core/index.ts'

export interface KeyPair {
  /** OpenSSH's private key format, unencrypted; write it with mode 0600. */
  readonly private: string
  /** One line for authorized_keys. */
  readonly public: string
}

const KEY_TYPE = 'ssh-ed25519'

/** A new ed25519 key pair. `comment` ends up at the end of the public line. */
export function generateKeyPair(comment = 'fleet'): KeyPair {
  const { x, d } = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' })
  if (x === undefined || d === undefined)
    throw new FleetError('FLEET_SSH_KEY_FILE', 'expected the runtime to make ed25519 keys')
  return encodeKeyPair(Buffer.from(x, 'base64url'), Buffer.from(d, 'base64url'), comment)
}

/** `publicKey` and `seed`: 32 bytes each (RFC 8032 5.1.5). Layout of the private file: PROTOCOL.key in OpenSSH's sources. */
export function encodeKeyPair(publicKey: Buffer, seed: Buffer, comment: string): KeyPair {
  const blob = fields(KEY_TYPE, publicKey)
  const check = randomBytes(4)
  const secret = Buffer.concat([check, check, fields(KEY_TYPE, publicKey, Buffer.concat([seed, publicKey]), comment)])
  const padding = Buffer.from(Array.from({ length: (8 - (secret.length % 8)) % 8 }, (_, index) => index + 1))
  const file = Buffer.concat([
    Buffer.from('openssh-key-v1\0'),
    fields('none', 'none', ''),
    uint32(1),
    fields(blob, Buffer.concat([secret, padding])),
  ])
  const lines = file.toString('base64').match(/.{1,70}/g) ?? []
  return {
    private: `-----BEGIN OPENSSH PRIVATE KEY-----\n${lines.join('\n')}\n-----END OPENSSH PRIVATE KEY-----\n`,
    public: `${KEY_TYPE} ${blob.toString('base64')} ${comment}`,
  }
}

/** Strings as SSH writes them: length, bytes (RFC 4251 5). */
function fields(...values: readonly (string | Buffer)[]): Buffer {
  return Buffer.concat(values.flatMap((value) => [uint32(Buffer.byteLength(value)), Buffer.from(value)]))
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}
