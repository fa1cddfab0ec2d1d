// Output that goes to files: DIR/node07.out and DIR/node07.err, for the operator's eyes only. What lay there before is emptied
// before the node is reached, so that an old file never looks like an answer.
import { closeSync, constants, fstatSync, mkdirSync, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { FleetError, messageOf, type NodeName } from '../../core/index.ts'
import type { OutputSink } from '../../fleet/index.ts'

export interface FileSink extends OutputSink {
  readonly end: () => void
}

/** Makes the folder if it is not there. Throws FLEET_CLI_BAD_FILE. */
export function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
  } catch (error) {
    throw fileError(`make the folder ${JSON.stringify(folder)}`, error)
  }
}

/** Throws FLEET_CLI_BAD_FILE when they cannot be made. A symbolic link is not followed, a pipe not waited for. */
export function createFileSink(folder: string, node: NodeName): FileSink {
  const stdout = openFile(folder, node, 'out')
  const stderr = openOrClose(folder, node, 'err', stdout)
  return {
    // Synchronous: nothing else here would hold the node back while a disk is slow.
    stdout: (chunk) => {
      writeAll(stdout, node, chunk)
    },
    stderr: (chunk) => {
      writeAll(stderr, node, chunk)
    },
    end: () => {
      closeSync(stdout)
      closeSync(stderr)
    },
  }
}

function openOrClose(folder: string, node: NodeName, ending: string, other: number): number {
  try {
    return openFile(folder, node, ending)
  } catch (error) {
    closeSync(other)
    throw error
  }
}

function openFile(folder: string, node: NodeName, ending: string): number {
  const { O_CREAT, O_TRUNC, O_WRONLY, O_NOFOLLOW, O_NONBLOCK } = constants
  try {
    const path = join(folder, `${node}.${ending}`)
    const file = openSync(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_NONBLOCK, 0o600)
    if (fstatSync(file).isFile()) return file
    closeSync(file)
    throw new Error(`${path} is there and no file`)
  } catch (error) {
    throw fileError(`write the output of ${node}`, error)
  }
}

function writeAll(file: number, node: NodeName, chunk: Buffer): void {
  try {
    for (let written = 0; written < chunk.length;) written += writeSync(file, chunk, written)
  } catch (error) {
    throw fileError(`write the output of ${node}`, error)
  }
}

function fileError(what: string, cause: unknown): FleetError {
  return new FleetError('FLEET_CLI_BAD_FILE', `expected to ${what}: ${messageOf(cause)}`, {
    remedy: 'name a folder with room where you may write: --out DIR',
    cause,
  })
}
