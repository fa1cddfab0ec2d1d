// ssh2's key parser with its answers made plain: one key, or why there is none.
import ssh2, { type ParsedKey } from 'ssh2'

/** For a file with several keys, the first. */
export function parseKey(text: Buffer | string, passphrase?: string): ParsedKey | Error {
  // The types promise one key; for some formats ssh2 returns a list.
  const [key] = [ssh2.utils.parseKey(text, passphrase)].flat()
  return key ?? new Error('there is no key in it')
}
