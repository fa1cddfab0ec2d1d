// Output that goes to files: DIR/node07.out and DIR/node07.err, for the operator's eyes only. What lay there before is emptied
// before the node is reached, so that an old file never looks like an answer.
import { closeSync, constants, mkdirSync, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { FleetError, messageOf, type NodeName } from '../../core/index.ts'
import type { OutputSink } from '../../fleet/index.ts'

export interface FileSink extends OutputSink {
  readonly end: () => void
}

/** Throws FLEET_CLI_BAD_FILE when they cannot be made. A symbolic link is not followed. */
export function createFileSink(folder: string, node: NodeName): FileSink {
  const stdout = openFile(folder, `${node}.out`)
  const stderr = openFile(folder, `${node}.err`)
  return {
    // Synchronous: nothing else here would hold the node back while a disk is slow.
    stdout: (chunk) => {
      writeAll(stdout, chunk)
    },
    stderr: (chunk) => {
      writeAll(stderr, chunk)
    },
    end: () => {
      closeSync(stdout)
      closeSync(stderr)
    },
  }
}

function openFile(folder: string, name: string): number {
  const { O_CREAT, O_TRUNC, O_WRONLY, O_NOFOLLOW } = constants
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    return openSync(join(folder, name), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0o600)
  } catch (error) {
    throw new FleetError('FLEET_CLI_BAD_FILE', `expected to write ${join(folder, name)}: ${messageOf(error)}`, {
      remedy: 'name a folder that you may write to: --out DIR',
      cause: error,
    })
  }
}

function writeAll(file: number, chunk: Buffer): void {
  for (let written = 0; written < chunk.length;) written += writeSync(file, chunk, written)
}
