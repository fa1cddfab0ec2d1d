// A peer's program: the installed one, else taken out of its Debian package without installing it, so that no service starts
// and nothing of the machine changes.
import { execFile } from 'node:child_process'
import { access, constants, readdir } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
const PLACES = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin']

export type FoundProgram = { readonly file: string } | { readonly missing: string }

/** Looks in PATH, then unpacks `debianPackage` below `folder`. Never throws: a missing peer is a fact of the report. */
export async function debianProgram(name: string, debianPackage: string, folder: string): Promise<FoundProgram> {
  const installed = await firstExecutable([...(process.env['PATH'] ?? '').split(delimiter), ...PLACES], name)
  if (installed !== undefined) return { file: installed }
  try {
    await run('apt-get', ['-qq', 'download', debianPackage], { cwd: folder })
    const archive = (await readdir(folder)).find((file) => file.startsWith(`${debianPackage}_`))
    if (archive === undefined) throw new Error('apt-get left no file')
    await run('dpkg-deb', ['-x', archive, debianPackage], { cwd: folder })
  } catch (error) {
    return {
      missing: `${name} is not installed, and the package ${debianPackage} could not be fetched: ${reasonOf(error)}`,
    }
  }
  const unpacked = await firstExecutable(
    PLACES.map((place) => join(folder, debianPackage, place)),
    name,
  )
  return unpacked === undefined
    ? { missing: `the package ${debianPackage} holds no program ${name}` }
    : { file: unpacked }
}

async function firstExecutable(folders: readonly string[], name: string): Promise<string | undefined> {
  for (const folder of folders) {
    const file = join(folder, name)
    const isThere = await access(file, constants.X_OK).then(
      () => true,
      () => false,
    )
    if (folder !== '' && isThere) return file
  }
  return undefined
}

/** apt-get says `W:` before warnings and `E:` before what stopped it. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const lines = error.message.trim().split('\n')
  return lines.find((line) => line.startsWith('E:')) ?? lines[0] ?? 'no reason was given'
}
