// What the statements say of one name: the first value of each keyword wins, IdentityFile and CertificateFile gather. As
// OpenSSH does, a second pass follows when `Match final` stands anywhere, with the name that HostName gave.
import type { Circumstances } from './condition.ts'
import type { ConfigFile, Section } from './config-file.ts'
import { expandTokens } from './tokens.ts'

export interface Setting {
  readonly args: readonly string[]
  /** As it was written. */
  readonly rest: string
  /** `~/.ssh/config:12`. */
  readonly place: string
}

export interface Found {
  /** In the order in which they were met; more than one only for keywords that gather. */
  readonly settings: ReadonlyMap<string, readonly Setting[]>
  /** Blocks that might apply, and whose criteria cannot be told: one sentence each. */
  readonly notes: readonly string[]
}

const GATHERED = new Set(['identityfile', 'certificatefile'])

/** `user`: decided elsewhere, and stronger than the files, as `ssh -l` is. */
export function lookUp(
  files: readonly ConfigFile[],
  name: string,
  given: { readonly user: string | undefined; readonly localUser: string },
): Found {
  const settings = new Map<string, Setting[]>()
  const notes = new Set<string>()

  const take = (keyword: string, setting: Setting): void => {
    const before = settings.get(keyword)
    // To OpenSSH this is as if the line were not there.
    if (keyword === 'connecttimeout' && setting.args[0] === 'none') return
    if (GATHERED.has(keyword)) {
      if (before === undefined) settings.set(keyword, [setting])
      else if (!before.some(({ args }) => args[0] === setting.args[0])) before.push(setting)
    } else if (before === undefined && !isShutOut(keyword)) settings.set(keyword, [setting])
  }
  // ProxyJump and ProxyCommand shut each other out, except that OpenSSH lets a ProxyCommand pass a `ProxyJump none`.
  const isShutOut = (keyword: string): boolean => {
    if (keyword === 'proxyjump') return settings.has('proxycommand')
    const jump = keyword === 'proxycommand' ? settings.get('proxyjump')?.[0] : undefined
    return jump !== undefined && jump.args[0]?.toLowerCase() !== 'none'
  }

  const pass = (passName: string, isFinalPass: boolean): void => {
    const now: Circumstances = {
      name: passName,
      originalName: name,
      hostName: () => (isFinalPass ? passName : hostNameOf(settings, name)),
      user: () => given.user ?? settings.get('user')?.[0]?.args[0] ?? given.localUser,
      localUser: given.localUser,
      isFinalPass,
    }
    const enter = (section: Section): boolean => {
      if (section.condition === undefined) return true
      const { isMet, unknown } = section.condition.judge(now)
      if (unknown.length > 0) notes.add(unknownNote(section.place, unknown))
      return isMet
    }
    const walk = (file: ConfigFile): void => {
      for (const section of file.sectionsFor(passName)) {
        if (!enter(section)) continue
        for (const statement of section.statements) {
          if (statement.kind === 'include') statement.files.forEach(walk)
          // The final pass begins with the name as it was decided.
          else if (!(isFinalPass && statement.keyword === 'hostname')) take(statement.keyword, statement)
        }
      }
    }
    files.forEach(walk)
  }

  pass(name, false)
  if (files.some(({ wantsFinalPass }) => wantsFinalPass)) pass(hostNameOf(settings, name).toLowerCase(), true)
  return { settings, notes: [...notes] }
}

function unknownNote(place: string, unknown: readonly string[]): string {
  return `the Match block at ${place} depends on ${unknown.join(' and ')}, which fleet cannot tell: it was not applied`
}

/** As far as it is decided; a HostName with a token that is not allowed there is found later. */
function hostNameOf(settings: Found['settings'], name: string): string {
  const written = settings.get('hostname')?.[0]?.args[0]
  if (written === undefined) return name
  const expanded = expandTokens(written, { tokens: { h: name } })
  return 'text' in expanded ? expanded.text : written
}
