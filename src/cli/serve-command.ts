// How this very program is started again: the same runtime, the same entry.
import { fileURLToPath } from 'node:url'
import type { FleetConfig } from '../config/index.ts'

/** argv of this program, without arguments. */
export function entryCommand(): string[] {
  const extension = import.meta.url.endsWith('.ts') ? '.ts' : '.js'
  return [process.execPath, fileURLToPath(new URL(`./main${extension}`, import.meta.url))]
}

/** argv that serves the dispatcher of a job under a supervisor. */
export function serveCommand(config: FleetConfig, isInsecureHttp: boolean): string[] {
  return [
    ...entryCommand(),
    'dispatcher',
    'serve',
    '--config',
    config.file,
    '--supervised',
    ...(isInsecureHttp ? ['--insecure-http'] : []),
  ]
}
