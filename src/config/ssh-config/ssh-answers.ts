// One name, looked up in ssh_config: every value that decides the way to it, expanded, with the line that it came from.
import { join } from 'node:path'
import { FleetError } from '../../core/index.ts'
import { quoted } from '../problem.ts'
import { parseJumps } from './jump.ts'
import { lookUp, type Setting } from './look-up.ts'
import type { ConfigFile } from './config-file.ts'
import { expandTokens } from './tokens.ts'
import { unsupportedNotes } from './unsupported.ts'
import { absolute, acceptsNew, agentOf, isYes, timeoutMs } from './values.ts'

/** A value, and where it came from: `~/.ssh/config:12`. */
export interface Answer<Value> {
  readonly value: Value
  readonly from: string
}

/** What is undefined is left open by the files. */
export interface SshAnswers {
  readonly hostName: Answer<string> | undefined
  readonly user: Answer<string> | undefined
  readonly port: Answer<number> | undefined
  /** Absolute paths; empty: none. */
  readonly identities: Answer<readonly string[]> | undefined
  readonly identitiesOnly: Answer<boolean> | undefined
  /** Path of the agent's socket; undefined as value: no agent. */
  readonly agent: Answer<string | undefined> | undefined
  /** `[user@]host[:port]`, the first one first; empty: direct. */
  readonly jumps: Answer<readonly string[]> | undefined
  readonly proxyCommand: Answer<string> | undefined
  readonly userKnownHosts: Answer<readonly string[]> | undefined
  readonly globalKnownHosts: Answer<readonly string[]> | undefined
  readonly hostKeyAlias: Answer<string> | undefined
  readonly acceptNew: Answer<boolean> | undefined
  /** Undefined as value: no limit of its own. */
  readonly connectTimeoutMs: Answer<number | undefined> | undefined
  readonly notes: readonly string[]
  /** Why ssh would not connect there either. */
  readonly refusal: FleetError | undefined
}

/** The machine that dials. */
export interface ControlMachine {
  readonly user: string
  readonly home: string
  readonly hostName: string
  readonly uid: number
  readonly agent: string | undefined
  readonly environment: Readonly<Record<string, string | undefined>>
}

/** `given` is decided elsewhere, and stronger than the files, as options of ssh's command line are. */
export function answersFor(
  files: readonly ConfigFile[],
  name: string,
  given: { readonly user: string | undefined; readonly port: number | undefined },
  machine: ControlMachine,
): SshAnswers {
  const found = lookUp(files, name, { user: given.user, localUser: machine.user })
  const first = (keyword: string): Setting | undefined => found.settings.get(keyword)?.[0]
  let refusal: FleetError | undefined
  const refuse = (setting: Setting, problem: string): void => {
    refusal ??= new FleetError('FLEET_CONFIG_INVALID', `${setting.place}: ${problem}`, {
      remedy: 'correct the line named and run the command again',
    })
  }
  const answer = <Value>(keyword: string, read: (setting: Setting) => Value): Answer<Value> | undefined => {
    const setting = first(keyword)
    return setting === undefined ? undefined : { value: read(setting), from: setting.place }
  }
  const expand = (
    text: string,
    setting: Setting,
    tokens: Readonly<Record<string, string>>,
    hasVariables: boolean,
  ): string => {
    const expanded = expandTokens(text, { tokens, ...(hasVariables ? { environment: machine.environment } : {}) })
    if ('text' in expanded) return expanded.text
    refuse(setting, expanded.problem)
    return ''
  }

  const hostName = answer('hostname', (setting) =>
    plain(expand(setting.args[0] ?? '', setting, { h: name }, false).toLowerCase(), setting),
  )
  const port = answer('port', ({ args }) => (args[0] === 'ssh' ? 22 : Number(args[0])))
  const hostKeyAlias = answer('hostkeyalias', (setting) => plain((setting.args[0] ?? '').toLowerCase(), setting))
  const host = hostName?.value ?? name.toLowerCase()
  const jumpTokens = { h: host, n: name, p: String(given.port ?? port?.value ?? 22) }
  const local = {
    ...jumpTokens,
    d: machine.home,
    i: String(machine.uid),
    k: hostKeyAlias?.value ?? name,
    L: machine.hostName.replace(/\..*/, ''),
    l: machine.hostName,
    u: machine.user,
  }
  const user = answer('user', (setting) => plain(expand(setting.args[0] ?? '', setting, local, true), setting))
  const all = { ...local, r: given.user ?? user?.value ?? machine.user }
  const path = (text: string, setting: Setting): string =>
    /^~(?:\/|$)/.test(text)
      ? join(machine.home, expand(text.slice(1), setting, all, true))
      : expand(text, setting, all, true)

  function plain(text: string, setting: Setting): string {
    // eslint-disable-next-line no-control-regex
    const isPlain = /^[^\s\u0000-\u001f\u007f]{1,255}$/.test(text)
    if (!isPlain) refuse(setting, `expected a name without blanks, found ${quoted(text)}`)
    return text
  }
  const paths = (
    keyword: string,
    read: (text: string, setting: Setting) => string,
  ): Answer<readonly string[]> | undefined =>
    answer(keyword, (setting) =>
      setting.args[0]?.toLowerCase() === 'none' ? [] : setting.args.map((arg) => absolute(read(arg, setting))),
    )
  const jump = (setting: Setting): readonly string[] =>
    (parseJumps(setting.rest) ?? []).map((hop) => expand(hop, setting, { ...jumpTokens, r: all.r }, false))
  const strict = first('stricthostkeychecking')
  const jumpSetting = first('proxyjump')
  const command = first('proxycommand')
  const isCommand = command !== undefined && command.rest.toLowerCase() !== 'none'
  const answers = {
    hostName,
    user,
    port,
    identities: identities(found.settings.get('identityfile') ?? [], path),
    identitiesOnly: answer('identitiesonly', ({ args }) => isYes(args[0])),
    agent: answer('identityagent', (setting) => agentOf(setting.args[0] ?? '', machine, (text) => path(text, setting))),
    jumps:
      jumpSetting !== undefined && !isCommand
        ? { value: jump(jumpSetting), from: jumpSetting.place }
        : command !== undefined && !isCommand
          ? { value: [], from: command.place }
          : undefined,
    proxyCommand: isCommand ? { value: command.rest, from: command.place } : undefined,
    userKnownHosts: paths('userknownhostsfile', path),
    globalKnownHosts: paths('globalknownhostsfile', (text) =>
      text.startsWith('~/') ? join(machine.home, text.slice(1)) : text,
    ),
    hostKeyAlias,
    acceptNew: answer('stricthostkeychecking', ({ args }) => acceptsNew(args[0])),
    connectTimeoutMs: answer('connecttimeout', ({ args }) => timeoutMs(args[0] ?? '')),
    notes: [
      ...found.notes,
      ...unsupportedNotes(found.settings),
      ...(strict !== undefined && /^(?:no|false|off)$/i.test(strict.args[0] ?? '')
        ? [
            `ssh_config turns the check of host keys off (${strict.place}): fleet takes new keys and still refuses changed ones`,
          ]
        : []),
    ],
  }
  const refused = first('refuseconnection')
  refusal ??=
    refused === undefined
      ? undefined
      : new FleetError(
          'FLEET_CONFIG_SSH_UNSUPPORTED',
          `${refused.place}: ssh_config refuses the connection: ${refused.rest}`,
          {
            remedy: 'do as it says, or take another ssh_config with --ssh-config',
          },
        )
  return { ...answers, refusal }
}

function identities(
  settings: readonly Setting[],
  path: (text: string, setting: Setting) => string,
): SshAnswers['identities'] {
  if (settings.length === 0) return undefined
  const files = settings
    .filter(({ args }) => args[0]?.toLowerCase() !== 'none')
    .map((setting) => absolute(path(setting.args[0] ?? '', setting)))
  return { value: [...new Set(files)], from: settings.map(({ place }) => place).join(', ') }
}
