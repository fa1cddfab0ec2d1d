// After a command that failed on some nodes: a file with their names, and the command line that repeats it for just those.
import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { messageOf } from '../core/index.ts'
import type { NodeResult } from '../fleet/index.ts'
import { quote } from '../node/index.ts'
import type { Context } from './context.ts'

/**
 * Writes `.fleet/retry/<command>.nodes` beside fleet.yml (a name a line, for `--limit @FILE`) and says on stderr what to run; takes an
 * older file away when no node failed. Never throws: the results matter more than this file.
 */
export async function reportFailedNodes(
  { config, output }: Pick<Context, 'config' | 'output'>,
  command: string,
  results: readonly NodeResult<unknown>[],
  argv: readonly string[] = process.argv.slice(2),
): Promise<void> {
  const failed = results.filter((result) => !result.ok).map(({ node }) => node)
  const folder = join(config.folder, '.fleet', 'retry')
  const file = join(folder, `${command}.nodes`)
  try {
    if (failed.length === 0) {
      await rm(file, { force: true })
      return
    }
    await mkdir(folder, { recursive: true, mode: 0o700 })
    const draft = `${file}.${process.pid}`
    await writeFile(draft, failed.map((node) => `${node}\n`).join(''), { mode: 0o600 })
    await rename(draft, file)
    output.note(`retry just these ${failed.length}: ${retryLine(argv, relative(process.cwd(), file))}`)
  } catch (error) {
    output.note(`the names of the ${failed.length} failed nodes could not be kept in ${file}: ${messageOf(error)}`)
  }
}

/** The command line as it was given, with `--limit @FILE` in place of its own `--limit`. Pure. */
export function retryLine(argv: readonly string[], file: string): string {
  const end = argv.indexOf('--')
  const own = end === -1 ? argv : argv.slice(0, end)
  const rest = end === -1 ? [] : argv.slice(end)
  const kept = own.filter(
    (word, index) => !(word === '--limit' || word.startsWith('--limit=') || own[index - 1] === '--limit'),
  )
  return ['fleet', ...kept, '--limit', `@${file}`, ...rest].map(quote).join(' ')
}
