// How a server is written in one word, wherever one may be named: `[user@]host[:port]`. IPv6 addresses stand in brackets when a
// port follows, and may without one. Ranges in the host are left as they are.
import { isIPv6 } from 'node:net'

export interface HostWord {
  readonly user: string | undefined
  readonly host: string
  readonly port: number | undefined
}

const WORD = /^(?:([^\s:@/,-][^\s:@/,]*)@)?(?:\[([0-9A-Fa-f:.%a-z]+)\](?::(\d{1,5}))?|([^@\s/]+))$/

/** Undefined for what is none: no host, a port outside 1..65535, two `@`, blanks. */
export function parseHostWord(text: string): HostWord | undefined {
  const match = WORD.exec(text)
  if (match === null) return undefined
  const [, user, bracketed, bracketedPort, plain = ''] = match
  if (bracketed !== undefined && isIPv6(bracketed)) return withPort(user, bracketed, bracketedPort)
  // Not an address: the brackets are those of a range, such as [a:c]01.
  const rest = plain === '' ? text.slice(user === undefined ? 0 : user.length + 1) : plain
  if (isIPv6(rest)) return { user, host: rest, port: undefined }
  const [, host = rest, port] = /^((?:[^:[\]]|\[[^\]]*\])*):(\d*)$/.exec(rest) ?? []
  return /^[A-Za-z0-9:[][A-Za-z0-9._:%[\],-]*$/.test(host) ? withPort(user, host, port) : undefined
}

function withPort(user: string | undefined, host: string, written: string | undefined): HostWord | undefined {
  if (written === undefined) return { user, host, port: undefined }
  const port = Number(written)
  return written !== '' && port >= 1 && port <= 65_535 ? { user, host, port } : undefined
}
