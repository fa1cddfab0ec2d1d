// The value of ProxyJump: `none`, or hops with commas between them, the first one first.
import { parseHostWord } from '../host-word.ts'

/** The hops as they were written, without `ssh://`; empty for `none`; undefined when one of them cannot be a hop. */
export function parseJumps(rest: string): readonly string[] | undefined {
  // OpenSSH takes the text as it stands, and quotes go when a shell runs what it makes of it.
  const text = rest.replace(/#.*$/, '').replaceAll('"', '').trim()
  if (text.toLowerCase() === 'none') return []
  const hops = text.split(',').map((hop) => hop.replace(/^ssh:\/\/(.*?)\/?$/i, '$1'))
  return hops.every(isHop) ? hops : undefined
}

/** Tokens stand for something that is not known yet. */
function isHop(hop: string): boolean {
  const word = parseHostWord(hop.replaceAll(/%[hnpr]/g, 'x'))
  return word !== undefined && !/[[\],]/.test(word.host)
}
