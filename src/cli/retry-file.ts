// After a command that failed on some nodes: a file with their names, and the command line that repeats it for just those.
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { messageOf } from '../core/index.ts'
import { quote } from '../node/index.ts'
import type { Context } from './context.ts'

/**
 * Writes `.fleet/retry/<command>.nodes` beside fleet.yml (a name a line, for `--limit @FILE`) and says on stderr what to run; takes an
 * older file away once all of its nodes are well. Never throws: the results matter more than this file.
 */
export async function reportFailedNodes(
  { config, output }: Pick<Context, 'config' | 'output'>,
  command: string,
  results: readonly { readonly node: string; readonly ok: boolean }[],
  argv: readonly string[] = process.argv.slice(2),
): Promise<void> {
  const failed = results.filter((result) => !result.ok).map(({ node }) => node)
  const folder = join(config.folder, '.fleet', 'retry')
  const file = join(folder, `${command}.nodes`)
  try {
    if (failed.length === 0) {
      const well = new Set<string>(results.map(({ node }) => node))
      if ((await namesIn(file)).every((node) => well.has(node))) await rm(file, { force: true })
      return
    }
    await mkdir(folder, { recursive: true, mode: 0o700 })
    const draft = `${file}.${process.pid}`
    await writeFile(draft, failed.map((node) => `${node}\n`).join(''), { mode: 0o600 })
    await rename(draft, file)
    output.note(
      `retry just ${failed.length === 1 ? 'this one' : `these ${failed.length}`}: ${retryLine(argv, relative(process.cwd(), file))}`,
    )
  } catch (error) {
    output.note(`the names of the ${failed.length} failed nodes could not be kept in ${file}: ${messageOf(error)}`)
  }
}

async function namesIn(file: string): Promise<readonly string[]> {
  const text = await readFile(file, 'utf8').catch(() => '')
  return text.split('\n').filter((line) => line !== '')
}

/** Of a line that somebody reads and copies. Characters. */
const MAX_LINE = 2000

/** The command line as it was given, with `--limit @FILE` in place of its own `--limit`; a very long one is not repeated. Pure. */
export function retryLine(argv: readonly string[], file: string): string {
  const end = argv.indexOf('--')
  const own = end === -1 ? argv : argv.slice(0, end)
  const rest = end === -1 ? [] : argv.slice(end)
  const kept = own.filter(
    (word, index) => !(word === '--limit' || word.startsWith('--limit=') || own[index - 1] === '--limit'),
  )
  const limit = ['--limit', `@${file}`]
  const line = ['fleet', ...kept, ...limit, ...rest].map(quote).join(' ')
  return line.length <= MAX_LINE ? line : `the same command with ${limit.map(quote).join(' ')}`
}
