// Sending costs less than half the CPU that ssh2 alone needs for it, by four changes to what it does for every packet of 32 KiB. Several packets
// leave in one write, instead of three writes for one packet. AES-GCM gets its key in OpenSSL's own form: for a key in bytes Node 24 throws and
// catches two errors on the way. The plain text of a packet, of which nothing is needed once it is encrypted, is always put together in the same
// place; and what was encrypted is freed as soon as it is written, while garbage would pile up to a hundred megabytes, all of it cold.
import { createCipheriv, createSecretKey, randomBytes, type KeyObject } from 'node:crypto'
import type { Duplex } from 'node:stream'
import type { Client } from 'ssh2'
import { partOf } from './ssh2-parts.ts'

/** What was found of ssh2, and changed; the rest is as ssh2 has it. */
export interface Lightened {
  readonly writes: boolean
  readonly encryption: boolean
  readonly decryption: boolean
}

/** Keeps a client light from its first key exchange on, through every later one. `stream`: what its packets go to. `tell` hears each time what was done. */
export function lightenPackets(client: Client, stream: Duplex, tell?: (done: Lightened) => void): void {
  client.on('handshake', () => {
    const protocol = partOf(client, '_protocol')
    const cipher = partOf(protocol, '_cipher')
    const decipher = partOf(protocol, '_decipher')
    const done = { writes: isCipher(cipher), encryption: isGcm(cipher), decryption: isGcmDecipher(decipher) }
    if (isGcm(cipher)) lightenGcm(cipher, stream)
    if (isCipher(cipher)) joinWrites(cipher, stream)
    if (isGcmDecipher(decipher)) decipher._decipherKey = createSecretKey(decipher._decipherKey)
    tell?.(done)
  })
}

interface Cipher {
  encrypt(packet: Buffer): void
}

/** Of ssh2's AESGCMCipherNative (lib/protocol/crypto.js), what is used here. */
interface GcmCipher extends Cipher {
  /** A packet with room for its payload, its padding filled in. */
  allocPacket(payloadBytes: number): Buffer
  outSeqno: number
  readonly _dead: boolean
  readonly _encSSLName: GcmName
  /** Used up by one for every packet, and shared with ssh2: an IV that comes twice would give the key away. */
  readonly _encIV: Buffer
  readonly _encKey: Buffer
}

interface GcmDecipher {
  get _decipherKey(): Buffer
  set _decipherKey(key: Buffer | KeyObject)
}

type GcmName = 'aes-128-gcm' | 'aes-256-gcm'

/** RFC 4253 6: length and padding length come before the payload; the length itself is not encrypted (RFC 5647 7.3). */
const LENGTH_BYTES = 4
const BEFORE_PAYLOAD_BYTES = 5
const BLOCK_BYTES = 16
const MIN_PADDING_BYTES = 4
const IV_BYTES = 12
/** The first four bytes of the IV never change (RFC 5647 7.1). */
const IV_FIXED_BYTES = 4

/** From here on a payload is data of a channel, which ssh2 puts into its packet and encrypts without looking away. */
const LARGE_PAYLOAD_BYTES = 4096
/** ssh2 takes packets of up to 35,000 bytes, and sends what the other side allows: 32 KiB of data at OpenSSH and Dropbear. */
const PLAIN_BYTES = 36 * 1024
const plainText = Buffer.alloc(PLAIN_BYTES)

function lightenGcm(cipher: GcmCipher, stream: Duplex): void {
  const key = createSecretKey(cipher._encKey)
  // Padding should be random (RFC 4253 6). It is encrypted, so that one random padding does for all packets.
  const padding = randomBytes(BLOCK_BYTES + MIN_PADDING_BYTES)
  cipher.allocPacket = (payloadBytes) => {
    const paddingBytes = paddingFor(payloadBytes)
    const packetBytes = BEFORE_PAYLOAD_BYTES + payloadBytes + paddingBytes
    const isReused = payloadBytes >= LARGE_PAYLOAD_BYTES && packetBytes <= PLAIN_BYTES
    const packet = isReused ? plainText.subarray(0, packetBytes) : Buffer.allocUnsafe(packetBytes)
    packet.writeUInt32BE(packetBytes - LENGTH_BYTES)
    packet[LENGTH_BYTES] = paddingBytes
    padding.copy(packet, BEFORE_PAYLOAD_BYTES + payloadBytes, 0, paddingBytes)
    return packet
  }
  cipher.encrypt = (packet) => {
    if (cipher._dead) return
    const gcm = createCipheriv(cipher._encSSLName, key, cipher._encIV)
    // A copy: the stream may keep it, and the packet's place is used again.
    const length = Buffer.from(packet.subarray(0, LENGTH_BYTES))
    gcm.setAAD(length)
    const body = gcm.update(packet.subarray(LENGTH_BYTES))
    gcm.final()
    if (stream.writable) {
      stream.write(length)
      stream.write(body, (error) => {
        // After an error it may still be in somebody's hands.
        if (error === null || error === undefined) free(body)
      })
      stream.write(gcm.getAuthTag())
    }
    countUp(cipher._encIV)
    cipher.outSeqno = (cipher.outSeqno + 1) >>> 0
  }
}

/** Gives memory back at once that nobody looks at any more, unless it is a part of something larger. */
function free({ buffer, length }: Buffer): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === length) buffer.transfer(0)
}

/** What is encrypted (all but the length) must fill whole blocks. */
function paddingFor(payloadBytes: number): number {
  const paddingBytes = BLOCK_BYTES - ((1 + payloadBytes) % BLOCK_BYTES)
  return paddingBytes < MIN_PADDING_BYTES ? paddingBytes + BLOCK_BYTES : paddingBytes
}

/** The last eight bytes are one number, which starts again at 0 after its largest. */
function countUp(iv: Buffer): void {
  for (let at = IV_BYTES - 1; at >= IV_FIXED_BYTES; at -= 1) {
    const next = ((iv[at] ?? 0) + 1) & 0xff
    iv[at] = next
    if (next !== 0) return
  }
}

/** Holds back what is written in one turn of the event loop, until its end. */
function joinWrites(cipher: Cipher, stream: Duplex): void {
  const encrypt = cipher.encrypt.bind(cipher)
  let isHolding = false
  const release = (): void => {
    isHolding = false
    stream.uncork()
  }
  cipher.encrypt = (packet) => {
    if (!isHolding) {
      isHolding = true
      stream.cork()
      process.nextTick(release)
    }
    encrypt(packet)
  }
}

function isCipher(part: object | undefined): part is Cipher {
  return part !== undefined && typeof Reflect.get(part, 'encrypt') === 'function'
}

function isGcm(part: object | undefined): part is GcmCipher {
  if (!isCipher(part)) return false
  const of = (name: string): unknown => Reflect.get(part, name)
  const [key, iv] = [of('_encKey'), of('_encIV')]
  return (
    Buffer.isBuffer(key) &&
    key.length === keyBytesOf(of('_encSSLName')) &&
    Buffer.isBuffer(iv) &&
    iv.length === IV_BYTES &&
    typeof of('allocPacket') === 'function' &&
    typeof of('outSeqno') === 'number' &&
    typeof of('_dead') === 'boolean'
  )
}

function isGcmDecipher(part: object | undefined): part is GcmDecipher {
  if (part === undefined) return false
  const key: unknown = Reflect.get(part, '_decipherKey')
  return Buffer.isBuffer(key) && key.length === keyBytesOf(Reflect.get(part, '_decipherSSLName'))
}

function keyBytesOf(name: unknown): number | undefined {
  if (name === 'aes-128-gcm') return 16
  return name === 'aes-256-gcm' ? 32 : undefined
}
