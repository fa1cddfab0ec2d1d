// The arguments that Ansible hands to ssh: only the way to the node is taken from them, everything else is named.
import { basename } from 'node:path'
import { parseHostWord } from '../host-word.ts'
import { splitWords } from './words.ts'

export interface SshArguments {
  /** Undefined: they say nothing about it. Empty: reached directly. */
  readonly via: readonly string[] | undefined
  /** For example `-o ServerAliveInterval`. */
  readonly ignored: readonly string[]
  /** What they ask for and cannot be had. */
  readonly refusal: string | undefined
}

const WITH_VALUE = new Set('BbcDEeFIiJLlmOopQRSWw')
/** What an `ssh -W` in a ProxyCommand may say without changing where it leads or as whom. */
const HARMLESS = new Set(
  'batchmode compression connecttimeout controlmaster controlpath controlpersist forwardagent loglevel serveraliveinterval serveralivecountmax stricthostkeychecking userknownhostsfile'.split(
    ' ',
  ),
)

export function parseSshArguments(text: string): SshArguments {
  const words = splitWords(text, { comments: false })
  if (words === undefined) return { via: undefined, ignored: [], refusal: 'a quote that is not closed' }
  const ignored: string[] = []
  let via: readonly string[] | undefined
  let refusal: string | undefined
  // As ssh does, the first mention counts.
  const take = (hops: readonly string[] | undefined, written: string): void => {
    if (via !== undefined || refusal !== undefined) return
    via = hops
    if (hops === undefined) refusal = written
  }
  for (const { flag, value } of flagsOf(words.map((word) => word.text))) {
    const [, option = '', setting = ''] = flag === 'o' ? (/^\s*([^\s=]+)\s*[=\s]\s*(.*)$/.exec(value) ?? []) : []
    if (flag === 'J') take(parseHops(value), `-J ${value}`)
    else if (option.toLowerCase() === 'proxyjump') take(parseHops(setting), `ProxyJump=${setting}`)
    else if (option.toLowerCase() === 'proxycommand') take(hopsOfCommand(setting), `ProxyCommand=${setting}`)
    else ignored.push(flag === 'o' ? `-o ${option === '' ? value : option}` : flag === '' ? value : `-${flag}`)
  }
  return { via, ignored, refusal }
}

/** `a,b` or `none`; undefined when one of them is no hop. */
export function parseHops(text: string): readonly string[] | undefined {
  const trimmed = text.trim()
  if (trimmed.toLowerCase() === 'none') return []
  const hops = trimmed.split(',').map((hop) => hop.trim())
  return hops.every((hop) => parseHostWord(hop) !== undefined) ? hops : undefined
}

/** What everybody wrote before there was ProxyJump: `ssh -W %h:%p [-q] [-p PORT] [USER@]HOST`. */
function hopsOfCommand(command: string): readonly string[] | undefined {
  if (command.trim().toLowerCase() === 'none') return []
  const [program, ...words] = (splitWords(command, { comments: false }) ?? []).map((word) => word.text)
  if (program === undefined || basename(program) !== 'ssh') return undefined
  let [forwards, user, port, host, before]: (string | undefined)[] = []
  for (const { flag, value } of flagsOf(words)) {
    const option = flag === 'o' ? value.trim().split(/[=\s]/)[0]?.toLowerCase() : undefined
    if (flag === 'W') forwards = value
    else if (flag === 'l') user = value
    else if (flag === 'p') port = value
    else if (flag === 'J') before = value
    else if (flag === '' && host === undefined) host = value
    else if (!'qAaTNxCkv46'.includes(flag || '?') && !HARMLESS.has(option ?? '')) return undefined
  }
  const word = host === undefined ? undefined : parseHostWord(host)
  if (word === undefined || word.port !== undefined || !/^(?:%h|\[%h\]):%p$/.test(forwards ?? '')) return undefined
  const login = user ?? word.user
  const bracketed = word.host.includes(':') && port !== undefined ? `[${word.host}]` : word.host
  const hop = `${login === undefined ? '' : `${login}@`}${bracketed}${port === undefined ? '' : `:${port}`}`
  return parseHops(before === undefined ? hop : `${before},${hop}`)
}

/** Flag letters with their values; `''` is a word that is no flag. */
function flagsOf(words: readonly string[]): readonly { readonly flag: string; readonly value: string }[] {
  const flags: { readonly flag: string; readonly value: string }[] = []
  for (let index = 0; index < words.length; index += 1) {
    const word = words[index] ?? ''
    if (!/^-[A-Za-z0-9]/.test(word)) {
      flags.push({ flag: '', value: word })
      continue
    }
    for (let at = 1; at < word.length; at += 1) {
      const flag = word.charAt(at)
      if (!WITH_VALUE.has(flag)) {
        flags.push({ flag, value: '' })
        continue
      }
      const attached = word.slice(at + 1)
      if (attached === '') index += 1
      flags.push({ flag, value: attached === '' ? (words[index] ?? '') : attached })
      break
    }
  }
  return flags
}
