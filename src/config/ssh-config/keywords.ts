// Every keyword of ssh_config(5) that OpenSSH 10 and the patches of Debian, Red Hat, Apple and HPN know: what fleet does with it, and
// what its value must look like. What stands in no list is a slip, and refused as OpenSSH does.
import { nearestNames } from '../nearest.ts'
import { quoted } from '../problem.ts'
import { parseJumps } from './jump.ts'
import type { ConfigLine } from './line.ts'
import { parseSeconds } from './seconds.ts'

/** `harmless`: it changes nothing of what fleet does. */
export type Use = 'setting' | 'harmless'

type Check = (line: ConfigLine) => string | undefined

const one: Check = ({ args }) =>
  args.length > 1
    ? `expected one value, found ${args.length}`
    : args[0] === ''
      ? 'expected a value, found an empty one'
      : undefined

function oneOf(...values: readonly string[]): Check {
  return (line) =>
    one(line) ??
    (values.includes((line.args[0] ?? '').toLowerCase())
      ? undefined
      : `expected ${values.join(', ')}, found ${quoted(line.args[0] ?? '')}`)
}

const flag = oneOf('yes', 'no', 'true', 'false')

const port: Check = (line) => {
  const [value = ''] = line.args
  const isPort = value === 'ssh' || (/^\d{1,5}$/.test(value) && Number(value) >= 1 && Number(value) <= 65_535)
  return one(line) ?? (isPort ? undefined : `expected a port from 1 to 65535, found ${quoted(value)}`)
}

const seconds: Check = (line) => {
  const [value = ''] = line.args
  const isDuration = value === 'none' || parseSeconds(value) !== undefined
  return (
    one(line) ?? (isDuration ? undefined : `expected a duration such as 10 or 1m30s, or none, found ${quoted(value)}`)
  )
}

const files: Check = ({ args }) => {
  if (args.includes('')) return 'expected paths, found an empty one'
  return args.length > 1 && args.some((arg) => arg.toLowerCase() === 'none')
    ? 'expected "none" alone, found it among others'
    : undefined
}

const agent: Check = (line) => {
  const [value = ''] = line.args
  const isPlain = !value.startsWith('$') || value.startsWith('${') || /^\$[A-Za-z_][A-Za-z0-9_]*$/.test(value)
  return one(line) ?? (isPlain ? undefined : `expected the name of a variable after "$", found ${quoted(value)}`)
}

const jumps: Check = ({ rest }) =>
  parseJumps(rest) === undefined
    ? `expected none or hops [user@]host[:port] with commas between them, found ${quoted(rest)}`
    : undefined

const anything: Check = () => undefined

/** Decide the way to a node, or are told about when they ask for what fleet cannot do. */
const SETTINGS = new Map<string, Check>([
  ['hostname', one],
  ['user', one],
  ['port', port],
  ['identityfile', one],
  ['identitiesonly', flag],
  ['identityagent', agent],
  ['proxyjump', jumps],
  ['proxycommand', anything],
  ['refuseconnection', anything],
  ['userknownhostsfile', files],
  ['globalknownhostsfile', files],
  ['stricthostkeychecking', oneOf('yes', 'no', 'true', 'false', 'ask', 'off', 'accept-new')],
  ['hostkeyalias', one],
  ['connecttimeout', seconds],
  ['addressfamily', oneOf('any', 'inet', 'inet6')],
  ['bindaddress', one],
  ['bindinterface', one],
  ['canonicalizehostname', oneOf('yes', 'no', 'true', 'false', 'always')],
  ['certificatefile', one],
  ['ciphers', one],
  ['gssapiauthentication', flag],
  ['hostbasedauthentication', flag],
  ['hostkeyalgorithms', one],
  ['kbdinteractiveauthentication', flag],
  ['kexalgorithms', one],
  ['knownhostscommand', anything],
  ['macs', one],
  ['nohostauthenticationforlocalhost', flag],
  ['passwordauthentication', flag],
  ['pkcs11provider', one],
  ['preferredauthentications', one],
  ['pubkeyacceptedalgorithms', one],
  ['pubkeyauthentication', oneOf('yes', 'no', 'true', 'false', 'unbound', 'host-bound')],
  ['requiredrsasize', one],
  ['revokedhostkeys', one],
  ['securitykeyprovider', one],
  ['verifyhostkeydns', oneOf('yes', 'no', 'true', 'false', 'ask')],
])

const ALIASES = new Map([
  ['challengeresponseauthentication', 'kbdinteractiveauthentication'],
  ['skeyauthentication', 'kbdinteractiveauthentication'],
  ['tisauthentication', 'kbdinteractiveauthentication'],
  ['dsaauthentication', 'pubkeyauthentication'],
  ['identityfile2', 'identityfile'],
  ['pubkeyacceptedkeytypes', 'pubkeyacceptedalgorithms'],
  ['smartcarddevice', 'pkcs11provider'],
  ['rsaminsize', 'requiredrsasize'],
])

/** Forwarding, terminals, multiplexing, logging, environment, upkeep of known_hosts: fleet has its own ways, or no use for them. */
const HARMLESS = new Set(
  `addkeystoagent afstokenpassing batchmode canonicaldomains canonicalizefallbacklocal canonicalizemaxdots
  canonicalizepermittedcnames casignaturealgorithms channeltimeout checkhostip cipher clearallforwardings compression
  compressionlevel connectionattempts controlmaster controlpath controlpersist disablemtaes dynamicforward
  enableescapecommandline enablesshkeysign escapechar exitonforwardfailure fallback fallbackport fallbacktorsh
  fingerprinthash forkafterauthentication forwardagent forwardx11 forwardx11timeout forwardx11trusted gatewayports
  globalknownhostsfile2 gssapiclientidentity gssapidelegatecredentials gssapikexalgorithms gssapikeyexchange
  gssapirenewalforcesrekey gssapiserveridentity gssapitrustdns hashknownhosts hostbasedacceptedalgorithms
  hostbasedkeytypes hpnbufferlimit hpnbuffersize hpndisabled ipqos kbdinteractivedevices keepalive
  kerberosauthentication kerberostgtpassing localcommand localforward logfacility loglevel logverbose metrics
  metricsinterval metricspath noneenabled nonemacenabled noneswitch numberofpasswordprompts obscurekeystroketiming
  permitlocalcommand permitremoteopen protocol proxyusefdpass rekeylimit remotecommand remoteforward requesttty
  rhostsauthentication rhostsrsaauthentication rsaauthentication sendenv serveralivecountmax serveraliveinterval
  sessiontype setenv stdinnull streamlocalbindmask streamlocalbindunlink syslogfacility tag tcpkeepalive tcprcvbuf
  tcprcvbufpoll tunnel tunneldevice updatehostkeys usekeychain useprivilegedport userknownhostsfile2 useroaming usersh
  versionaddendum visualhostkey warnweakcrypto xauthlocation`.split(/\s+/),
)

/** Those that the reader of files takes care of itself. */
const STRUCTURE = ['host', 'match', 'include', 'ignoreunknown']

export interface Known {
  readonly use: Use
  /** The name without its older spellings. */
  readonly keyword: string
  /** What is wrong with the value, or undefined. */
  readonly problem: string | undefined
}

/** What is known of the keyword of `line`; undefined when nothing is. */
export function judge(line: ConfigLine): Known | undefined {
  const keyword = ALIASES.get(line.keyword) ?? line.keyword
  const check = SETTINGS.get(keyword)
  if (check !== undefined) return { use: 'setting', keyword, problem: check(line) }
  return HARMLESS.has(keyword) ? { use: 'harmless', keyword, problem: undefined } : undefined
}

/** What to say of a keyword that is not known. */
export function unknownKeyword(keyword: string): string {
  const [nearest] = nearestNames(keyword, [...STRUCTURE, ...SETTINGS.keys(), ...ALIASES.keys(), ...HARMLESS], 1)
  const hint = nearest === undefined ? '' : `; did you mean ${nearest}?`
  return `expected a keyword of ssh_config(5), found ${quoted(keyword)}${hint}`
}
