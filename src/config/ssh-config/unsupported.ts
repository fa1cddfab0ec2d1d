// What ssh_config may ask for and fleet cannot do. Never passed over in silence: each is a sentence with its place, which `fleet hosts`
// shows, and which a failed login repeats.
import type { Found } from './look-up.ts'

type Sentence = (value: string) => string | undefined

const isYes = (value: string): boolean => /^(?:yes|true|always|ask)$/i.test(value)
const isNo = (value: string): boolean => /^(?:no|false)$/i.test(value)
const unlessNone =
  (sentence: string): Sentence =>
  (value) =>
    value.toLowerCase() === 'none' ? undefined : sentence
const whenYes =
  (sentence: string): Sentence =>
  (value) =>
    isYes(value) ? sentence : undefined
const always =
  (sentence: string): Sentence =>
  () =>
    sentence
const OWN_CHOICE = 'fleet negotiates with its own list of algorithms'

const SENTENCES: Readonly<Record<string, readonly [name: string, sentence: Sentence]>> = {
  addressfamily: [
    'AddressFamily',
    (value) => (value.toLowerCase() === 'any' ? undefined : 'fleet takes IPv4 and IPv6 as the name resolves'),
  ],
  bindaddress: ['BindAddress', always('fleet connects from the address that the system chooses')],
  bindinterface: ['BindInterface', always('fleet connects from the address that the system chooses')],
  canonicalizehostname: ['CanonicalizeHostname', whenYes('fleet does not canonicalise names; write them in full')],
  certificatefile: ['CertificateFile', unlessNone('fleet cannot offer certificates')],
  ciphers: ['Ciphers', always(OWN_CHOICE)],
  gssapiauthentication: ['GSSAPIAuthentication', whenYes('fleet cannot log in with GSSAPI (Kerberos)')],
  hostbasedauthentication: ['HostbasedAuthentication', whenYes('fleet cannot log in host-based')],
  hostkeyalgorithms: ['HostKeyAlgorithms', always(OWN_CHOICE)],
  kbdinteractiveauthentication: [
    'KbdInteractiveAuthentication',
    (value) =>
      isNo(value) ? 'fleet answers questions of the server all the same when it was given a password' : undefined,
  ],
  kexalgorithms: ['KexAlgorithms', always(OWN_CHOICE)],
  knownhostscommand: ['KnownHostsCommand', unlessNone('fleet reads host keys from files only')],
  macs: ['MACs', always(OWN_CHOICE)],
  nohostauthenticationforlocalhost: [
    'NoHostAuthenticationForLocalhost',
    whenYes('fleet checks the host key all the same'),
  ],
  passwordauthentication: [
    'PasswordAuthentication',
    (value) => (isNo(value) ? 'fleet offers a password all the same when it was given one' : undefined),
  ],
  pkcs11provider: ['PKCS11Provider', unlessNone('fleet cannot use PKCS#11 tokens; an agent that holds them will do')],
  preferredauthentications: [
    'PreferredAuthentications',
    always('fleet offers keys first, then a password when it was given one'),
  ],
  pubkeyacceptedalgorithms: ['PubkeyAcceptedAlgorithms', always(OWN_CHOICE)],
  pubkeyauthentication: [
    'PubkeyAuthentication',
    (value) => (isNo(value) ? 'fleet offers keys all the same' : undefined),
  ],
  requiredrsasize: ['RequiredRSASize', always('fleet takes RSA keys of any size that both sides accept')],
  revokedhostkeys: [
    'RevokedHostKeys',
    unlessNone('fleet does not read that list; @revoked lines of known_hosts are honoured'),
  ],
  securitykeyprovider: [
    'SecurityKeyProvider',
    (value) =>
      value === 'internal'
        ? undefined
        : 'fleet cannot use security keys (FIDO) itself; an agent that holds them will do',
  ],
  verifyhostkeydns: ['VerifyHostKeyDNS', whenYes('fleet does not look for host keys in DNS')],
}

/** In the order of the keywords in the files. */
export function unsupportedNotes(settings: Found['settings']): readonly string[] {
  return [...settings].flatMap(([keyword, found]) => {
    const entry = SENTENCES[keyword]
    if (entry === undefined) return []
    const [name, sentence] = entry
    return found.flatMap(({ args, rest, place }) => {
      const said = sentence(args[0] ?? rest)
      return said === undefined ? [] : [`ssh_config asks for ${name} (${place}): ${said}`]
    })
  })
}
