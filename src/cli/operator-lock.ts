// The operator lock as the command line asks for it.
import { parseDuration, systemClock } from '../core/index.ts'
import type { OperatorLockOptions } from '../fleet/index.ts'
import { quote } from '../node/index.ts'
import type { Context } from './context.ts'
import type { ChangingOptions } from './options.ts'

/** `createFolder`: true for what makes the job's folder on a node. */
export function lockOptions(
  { output, parallel }: Pick<Context, 'output' | 'parallel'>,
  options: ChangingOptions,
  { signal, createFolder = false }: { readonly signal?: AbortSignal; readonly createFolder?: boolean } = {},
): OperatorLockOptions {
  return {
    command: commandShown(),
    clock: systemClock,
    parallel,
    waitMs: options.lockWait === undefined ? 0 : parseDuration(options.lockWait),
    createFolder,
    ...(signal === undefined ? {} : { signal }),
    say: (line) => {
      output.note(line)
    },
  }
}

/** What was typed, as others may read it: no option of fleet takes a secret as its value. */
export function commandShown(argv: readonly string[] = process.argv.slice(2)): string {
  return ['fleet', ...argv].map(quote).join(' ')
}
