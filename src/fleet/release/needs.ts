// What a release needs of a node to run: read from the executable files themselves, so that a release for another machine is
// refused before any node switches to it.
import { parseElf, type BytesAt } from './elf.ts'
import { INTERPRETER_LINE_BYTES, interpretersOf } from './interpreter-line.ts'
import type { Machine } from './machines.ts'

export interface ReleaseNeeds {
  /** Which files of the release are made for which machine. */
  readonly machines: readonly { readonly path: string; readonly machine: Machine }[]
  /** Programs (absolute, or a name for PATH) and the files that need them: interpreters of scripts, dynamic loaders. */
  readonly programs: readonly { readonly program: string; readonly path: string }[]
}

/** What one executable file needs. */
export interface FileNeeds {
  readonly machine: Machine | undefined
  readonly programs: readonly string[]
}

/** `path` tells a library from a program, where the bytes do not. Whatever the bytes are, this does not throw. */
export function needsOfFile(path: string, bytesAt: BytesAt): FileNeeds {
  const elf = parseElf(bytesAt)
  if (elf === undefined) return { machine: undefined, programs: interpretersOf(bytesAt(0, INTERPRETER_LINE_BYTES)) }
  if (elf.mayBeLibrary && LIBRARY.test(path)) return { machine: undefined, programs: [] }
  return { machine: elf.machine, programs: elf.loader === undefined ? [] : [elf.loader] }
}

/** Libraries are often executable for no reason, and packages bring them for machines that are not theirs. */
const LIBRARY = /\.(?:so(?:\.[\d.]+)?|node)$/

/** In the order of the files given. */
export function needsOfRelease(files: readonly { readonly path: string; readonly needs: FileNeeds }[]): ReleaseNeeds {
  return {
    machines: files.flatMap(({ path, needs: { machine } }) => (machine === undefined ? [] : [{ path, machine }])),
    programs: files.flatMap(({ path, needs }) => needs.programs.map((program) => ({ program, path }))),
  }
}
