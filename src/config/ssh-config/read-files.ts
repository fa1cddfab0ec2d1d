// From files to statements, once per run: Include is followed, every line is judged, and all that is wrong is told in one error.
import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs'
import { isAbsolute, join } from 'node:path'
import { FleetError, messageOf } from '../../core/index.ts'
import { invalidError, type Problem } from '../problem.ts'
import type { Operator } from '../operator.ts'
import { hostCondition, matchCondition, type Condition } from './condition.ts'
import { createConfigFile, type ConfigFile, type Statement } from './config-file.ts'
import { includedFiles } from './included-files.ts'
import { judge, unknownKeyword } from './keywords.ts'
import { splitLine, type ConfigLine } from './line.ts'
import { compilePatternList, type Matcher } from './pattern.ts'
import { whyUnsafe } from './safe-owner.ts'

export interface SshConfigFile {
  /** Absolute path. */
  readonly file: string
  /** Where its relative Includes start: `user` in ~/.ssh, `system` in /etc/ssh, where `~` is not allowed. */
  readonly whose: 'user' | 'system'
  /** It must be ours or root's, and nobody else may write it. Included files always must. Default false. */
  readonly isPrivate?: boolean
  /** It must be there. Default false: a missing file is an empty one. */
  readonly isRequired?: boolean
}

/** readconf.c, READCONF_MAX_DEPTH. */
const MAX_DEPTH = 16
/** A few files that include each other's folders grow without end long before they are too deep. */
const MAX_FILES = 10_000
const MAX_FILE_BYTES = 16 * 1024 * 1024

/**
 * What each file holds. `shown` gives the name of a file for messages. Throws FLEET_CONFIG_INVALID with one line for each problem,
 * FLEET_CONFIG_UNREADABLE, FLEET_CONFIG_SSH_PERMISSIONS, or FLEET_CONFIG_NOT_FOUND for a required file.
 */
export function readSshConfig(
  files: readonly SshConfigFile[],
  operator: Pick<Operator, 'home' | 'user'>,
  shown: (file: string) => string,
): readonly ConfigFile[] {
  const problems = new Map<string, Problem>()
  const ignored: Matcher[] = []
  let fileCount = 0

  const read = (source: SshConfigFile, way: readonly string[]): ConfigFile => {
    const { file, whose } = source
    fileCount += 1
    const text = textOf(source, operator.user, shown)
    const sections: { condition: Condition | undefined; place: string; statements: Statement[] }[] = []
    let statements: Statement[] = []
    const begin = (condition: Condition | undefined, place: string): void => {
      statements = []
      sections.push({ condition, place, statements })
    }
    begin(undefined, shown(file))
    for (const [index, line] of text.split('\n').entries()) {
      const refuse = (message: string): void => {
        const place = { file: shown(file), line: index + 1, column: line.search(/\S|$/) + 1 }
        problems.set(JSON.stringify(place), { ...place, message })
      }
      const place = `${shown(file)}:${index + 1}`
      const parsed = splitLine(line)
      if (parsed === undefined) continue
      if (typeof parsed === 'string') refuse(parsed)
      else if (/[\0\uFFFD]/.test(line)) refuse('expected UTF-8 text without NUL, found other bytes')
      else if (parsed.keyword === 'host' || parsed.keyword === 'match') {
        const condition = parsed.keyword === 'host' ? hostCondition(parsed.args) : matchCondition(parsed.rest)
        if (typeof condition === 'string') refuse(condition)
        else begin(condition, place)
      } else statements.push(...statementsOf(parsed, place, refuse, { whose, way: [...way, file] }))
    }
    return createConfigFile(sections)
  }

  const statementsOf = (
    line: ConfigLine,
    place: string,
    refuse: (message: string) => void,
    here: { readonly whose: 'user' | 'system'; readonly way: readonly string[] },
  ): readonly Statement[] => {
    switch (line.keyword) {
      case 'include':
        return line.args.map((path) => ({ kind: 'include', files: include(path, refuse, here) }))
      case 'ignoreunknown':
        ignored.push(compilePatternList((line.args[0] ?? '').toLowerCase()))
        return []
      default: {
        const known = judge(line)
        if (known === undefined) {
          if (!ignored.some((matches) => matches(line.keyword))) refuse(unknownKeyword(line.keyword))
          return []
        }
        if (known.problem !== undefined) refuse(`${known.problem} (${known.keyword})`)
        else if (known.use === 'setting')
          return [{ kind: 'setting', keyword: known.keyword, args: line.args, rest: line.rest, place }]
        return []
      }
    }
  }

  const include = (
    path: string,
    refuse: (message: string) => void,
    { whose, way }: { readonly whose: 'user' | 'system'; readonly way: readonly string[] },
  ): readonly ConfigFile[] => {
    const isOfHome = path === '~' || path.startsWith('~/')
    if (path === '' || (path.startsWith('~') && (whose === 'system' || !isOfHome))) {
      refuse(
        `expected a path${whose === 'user' ? ', absolute, relative to ~/.ssh, or with ~/' : ' without "~"'}, found ${JSON.stringify(path)}`,
      )
      return []
    }
    const folder = whose === 'user' ? join(operator.home, '.ssh') : '/etc/ssh'
    const absolute = isOfHome ? join(operator.home, path.slice(1)) : isAbsolute(path) ? path : join(folder, path)
    return includedFiles(absolute).flatMap((file) => {
      const circle = way.indexOf(file)
      if (circle >= 0)
        refuse(`expected files that end, found a circle: ${[...way.slice(circle), file].map(shown).join(' includes ')}`)
      else if (way.length > MAX_DEPTH)
        refuse(`expected files that include each other at most ${MAX_DEPTH} deep, found more`)
      else if (fileCount >= MAX_FILES) refuse(`expected at most ${MAX_FILES} included files, found more`)
      else return read({ file, whose, isPrivate: true }, way)
      return []
    })
  }

  const contents = files.map((source) => read(source, []))
  if (problems.size > 0) throw invalidError([...problems.values()])
  return contents
}

function textOf(source: SshConfigFile, user: string, shown: (file: string) => string): string {
  const { file } = source
  let handle: number
  try {
    handle = openSync(file, 'r')
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
    if (code !== 'ENOENT' && code !== 'ENOTDIR') throw unreadable(shown(file), messageOf(cause), cause)
    if (source.isRequired !== true) return ''
    throw new FleetError('FLEET_CONFIG_NOT_FOUND', `expected an ssh_config at ${shown(file)}, found no such file`, {
      remedy: 'name another with --ssh-config, or none with --ssh-config none',
      cause,
    })
  }
  try {
    const stats = fstatSync(handle)
    // An Include of a whole folder also meets the folders in it; OpenSSH reads nothing from them.
    if (stats.isDirectory() && source.isRequired !== true) return ''
    const unsafe = source.isPrivate === true ? whyUnsafe(stats, user) : undefined
    if (unsafe !== undefined) {
      throw new FleetError(
        'FLEET_CONFIG_SSH_PERMISSIONS',
        `expected ${shown(file)} to belong to you or root and to be writable by nobody else, ${unsafe}`,
        { remedy: `chmod go-w ${file}, or give it its owner back; ssh refuses it too` },
      )
    }
    if (stats.size > MAX_FILE_BYTES)
      throw unreadable(shown(file), `expected at most ${MAX_FILE_BYTES} bytes, found ${stats.size}`)
    return readFileSync(handle, 'utf8')
  } catch (cause) {
    throw cause instanceof FleetError ? cause : unreadable(shown(file), messageOf(cause), cause)
  } finally {
    closeSync(handle)
  }
}

function unreadable(file: string, reason: string, cause?: unknown): FleetError {
  return new FleetError('FLEET_CONFIG_UNREADABLE', `cannot read ${file}: ${reason}`, {
    remedy: `see that ${file} is a readable text file, or leave it out with --ssh-config none`,
    cause,
  })
}
