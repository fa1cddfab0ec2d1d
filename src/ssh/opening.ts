// The first words of a server, which are in plain text: its greeting and its offer for the key exchange (RFC 4253 4.2, 7.1). We
// listen beside ssh2 and take nothing away from it, and stop as soon as both have been heard.
import type { Duplex } from 'node:stream'

export interface Opening {
  /** `SSH-2.0-...`; empty until it came. */
  greeting(): string
  /** What came in place of a greeting, up to one line: sshd explains a drop in plain text. Empty when there was a greeting. */
  said(): string
  /** The payload of the first packet, once it is complete. */
  offer(): Buffer | undefined
}

/** sshd_config(5): lines may come before the greeting, but not without end. */
const MAX_BYTES = 64 * 1024

/** `stream`: nobody has read from it yet. `onGreeting` is called once. */
export function listenToOpening(stream: Duplex, onGreeting: () => void): Opening {
  let heard: Buffer = Buffer.alloc(0)
  let greeting: string | undefined
  let packetAt = 0
  let offer: Buffer | undefined

  const onData = (chunk: Buffer): void => {
    heard = heard.length === 0 ? chunk : Buffer.concat([heard, chunk])
    if (greeting === undefined) findGreeting()
    if (greeting !== undefined) findOffer()
    if (offer !== undefined || heard.length > MAX_BYTES) stream.off('data', onData)
  }
  const findGreeting = (): void => {
    for (let at = 0; ;) {
      const end = heard.indexOf(0x0a, at)
      if (end === -1) return
      const line = heard.toString('latin1', at, end)
      at = end + 1
      if (!line.startsWith('SSH-')) continue
      greeting = printable(line.replace(/\r$/, ''), 255)
      packetAt = at
      onGreeting()
      return
    }
  }
  const findOffer = (): void => {
    if (heard.length < packetAt + 5) return
    const size = heard.readUInt32BE(packetAt)
    const end = packetAt + 4 + size
    const padding = heard[packetAt + 4] ?? 0
    if (size <= MAX_BYTES && heard.length >= end)
      offer = heard.subarray(packetAt + 5, Math.max(packetAt + 5, end - padding))
  }

  // Paused until ssh2 listens itself, so nothing is missed.
  stream.pause()
  stream.on('data', onData)
  return {
    greeting: () => greeting ?? '',
    said: () =>
      greeting === undefined ? printable(heard.toString('latin1', 0, 200).split(/\r?\n/)[0] ?? '', 200) : '',
    offer: () => offer,
  }
}

function printable(line: string, length: number): string {
  // eslint-disable-next-line no-control-regex
  return line.slice(0, length).replace(/[\x00-\x1f\x7f-\xff]/g, '?')
}
