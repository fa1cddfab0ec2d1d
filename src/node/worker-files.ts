// The files under `etc/` that tell a node's workers what to do. They are sh where a shell sources them, so that an argument
// or a value reaches the user's program byte for byte, whatever it holds: quoted once, here, and never looked at again.
// Every one is 0600: secrets are in worker.env, the token in token and curl.conf.
import { FleetError, type JobName, type NodeName, type Secret } from '../core/index.ts'
import { quote } from './command.ts'

export interface WorkerSettings {
  readonly job: JobName
  readonly node: NodeName
  readonly kind: 'exec' | 'native'
  /** argv, at least one item. `{id}`, `{slot}` and `{node}` are replaced, in one pass; `{id}` only for kind exec, and not in the first item. */
  readonly command: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly secrets: Readonly<Record<string, Secret>>
  /** From TERM to KILL. Milliseconds. */
  readonly graceMs: number
  /** For one ID; 0: none. Milliseconds. */
  readonly timeoutMs: number
  /** Where the node reaches the dispatcher: `http(s)://host:port`. */
  readonly url: string
  /** Empty for a worker that does not talk to a dispatcher. */
  readonly token: Secret
  /** PEM of the one certificate that the dispatcher may show. */
  readonly caPem?: string
  /** The worker finds the Node that was put below runtimes/ first, where there is one. Default: it finds what the node has. */
  readonly runtime?: 'node'
  /** Accepts any certificate. For experiments only. */
  readonly insecure?: boolean
  /** Absolute path of the shell that runs the kit. Default /bin/sh. */
  readonly shell?: string
}

export interface WorkerFile {
  /** Relative to the job's folder on the node. */
  readonly path: string
  readonly mode: number
  readonly content: string
}

/** All files of `etc/` that depend on the worker's settings. Throws FLEET_NODE_BAD_SETTING, FLEET_NODE_BAD_ENV or FLEET_NODE_BAD_COMMAND. */
export function renderWorkerFiles(settings: WorkerSettings): readonly WorkerFile[] {
  const files = {
    settings: renderSettings(settings),
    'command.sh': renderCommand(settings),
    'worker.env': renderEnvironment(settings),
    'curl.conf': renderCurlConfig(settings),
    token: `${settings.token.reveal()}\n`,
    ...(settings.caPem === undefined ? {} : { 'ca.pem': settings.caPem }),
  }
  return Object.entries(files).map(([name, content]) => ({ path: `etc/${name}`, mode: 0o600, content }))
}

function renderSettings(settings: WorkerSettings): string {
  const values = {
    job: settings.job,
    node: settings.node,
    kind: settings.kind,
    grace_ms: milliseconds('grace', settings.graceMs),
    timeout_ms: milliseconds('timeout', settings.timeoutMs),
    url: settings.url.replace(/\/+$/, ''),
    ca: settings.caPem === undefined ? '' : 'yes',
    shell: settings.shell ?? '/bin/sh',
    runtime: settings.runtime ?? '',
  }
  return Object.entries(values)
    .map(([name, value]) => `${name}=${quote(value)}\n`)
    .join('')
}

function milliseconds(name: string, value: number): string {
  if (Number.isSafeInteger(value) && value >= 0) return String(value)
  throw new FleetError(
    'FLEET_NODE_BAD_SETTING',
    `expected ${name} to be a whole number of milliseconds from 0, got ${value}`,
  )
}

/** A template becomes sh that names variables, so an ID that looks like a template or like sh is only ever a value. */
function renderCommand({ kind, command, runtime }: WorkerSettings): string {
  const [program, ...rest] = command
  if (program === undefined || program === '' || program.startsWith('-') || /\{(?:id|slot|node)\}/.test(program)) {
    throw new FleetError(
      'FLEET_NODE_BAD_COMMAND',
      `expected the worker's command to start with the name of a program, without {id}, {slot} or {node}, got ${JSON.stringify(program ?? null)}`,
    )
  }
  if (kind === 'native' && rest.some((argument) => argument.includes('{id}'))) {
    throw new FleetError(
      'FLEET_NODE_BAD_COMMAND',
      'expected a native command without {id}: it is started once and leases IDs itself',
      {
        remedy: 'Take {id} out of worker.command, or set worker.kind to exec.',
      },
    )
  }
  const inRelease = program.includes('/') && !program.startsWith('/')
  const [script, ...others] = rest
  const words = [
    inRelease ? `"$FLEET_RELEASE"/${quote(program)}` : quote(program),
    ...(runtime === 'node' && program === 'node' && isScript(script)
      ? [`"$FLEET_RELEASE"/${quote(script)}`, ...others.map(renderTemplate)]
      : rest.map(renderTemplate)),
  ]
  return `set -- ${words.join(' ')}\n`
}

/** `main.js` of `[node, main.js]`: a relative name can only mean the release, since the command begins in an empty folder. */
function isScript(argument: string | undefined): argument is string {
  return argument !== undefined && /^[^-/{]/.test(argument) && !/\{(?:id|slot|node)\}/.test(argument)
}

const VARIABLE: Readonly<Record<string, string>> = {
  '{id}': '"$FLEET_ID"',
  '{slot}': '"$FLEET_SLOT"',
  '{node}': '"$FLEET_NODE"',
}

function renderTemplate(argument: string): string {
  if (argument === '') return quote(argument)
  return argument
    .split(/(\{(?:id|slot|node)\})/)
    .filter((part) => part !== '')
    .map((part) => VARIABLE[part] ?? quote(part))
    .join('')
}

/** Names that a shell treats as its own: setting one would break the shell that sources the file, or be refused by it. */
const SHELL_NAMES = new Set([
  'BASHOPTS',
  'BASH_VERSINFO',
  'EUID',
  'IFS',
  'LINENO',
  'OLDPWD',
  'OPTARG',
  'OPTIND',
  'PPID',
  'PWD',
  'SHELLOPTS',
  'UID',
  '_',
])

function renderEnvironment({ env, secrets, runtime }: WorkerSettings): string {
  const revealed = Object.entries(secrets).map(([name, secret]) => [name, secret.reveal()] as const)
  const lines = [...Object.entries(env), ...revealed].map(
    ([name, value]) => `export ${envName(name)}=${envValue(name, value)}\n`,
  )
  return [...lines, ...(runtime === undefined ? [] : [RUNTIME_FIRST])].join('')
}

/** After the user's own PATH, if there is one. worker.sh says where the runtime is; it is not there on a node that keeps its own Node. */
const RUNTIME_FIRST = '[ -z "${FLEET_RUNTIME:-}" ] || export PATH="$FLEET_RUNTIME/bin:$PATH"\n'

function envName(name: string): string {
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name))
    throw badEnv(name, 'expected its name to be letters, digits and "_", not starting with a digit')
  if (name.startsWith('FLEET_')) throw badEnv(name, 'names that start with FLEET_ belong to fleet')
  if (SHELL_NAMES.has(name)) throw badEnv(name, 'the shell uses this name itself')
  return name
}

function envValue(name: string, value: string): string {
  // The value stays out of the message: it may be a secret.
  if (value.includes('\0')) throw badEnv(name, 'a value must not contain a NUL byte')
  return quote(value)
}

function badEnv(name: string, why: string): FleetError {
  return new FleetError('FLEET_NODE_BAD_ENV', `the environment variable ${JSON.stringify(name)} cannot be set: ${why}`)
}

/** curl(1), --config: one option a line, values in double quotes. Proxies are for the user's program, not for the dispatcher. */
function renderCurlConfig({ token, insecure }: WorkerSettings): string {
  const value = token.reveal()
  if (!/^[\x21-\x7e]*$/.test(value))
    throw new FleetError('FLEET_NODE_BAD_SETTING', 'expected the token to be printable ASCII without spaces')
  const lines = ['silent', 'noproxy = "*"', 'connect-timeout = 5', 'header = "Accept: text/plain"']
  if (value !== '') lines.push(`header = "Authorization: Bearer ${value.replaceAll(/["\\]/g, '\\$&')}"`)
  if (insecure === true) lines.push('insecure')
  return `${lines.join('\n')}\n`
}
