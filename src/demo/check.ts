// The demo's verdict: every file of every user arrived byte for byte under the right user, and nothing else is there.
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

export interface Verdict {
  readonly users: number
  readonly files: number
  readonly bytes: number
  /** One line each; empty when all is well. */
  readonly problems: readonly string[]
}

/** The worker's own note in each user's folder of whose it is. */
const MARKER = '.fleet-user'

export async function checkCopies(source: string, target: string, ids: readonly string[]): Promise<Verdict> {
  const problems: string[] = []
  let files = 0
  let bytes = 0
  for (const id of ids) {
    const from = await filesBelow(join(source, id))
    const folder = join(target, pathSegment(id))
    const to = await filesBelow(folder).catch(() => new Map<string, Buffer>())
    const owner = to.get(MARKER)?.toString('utf8').trimEnd()
    if (owner !== id) problems.push(`${id}: the folder says that it belongs to ${JSON.stringify(owner ?? 'nobody')}`)
    to.delete(MARKER)
    for (const [name, content] of from) {
      const copy = to.get(name)
      if (copy === undefined) problems.push(`${id}: ${name} is missing`)
      else if (!copy.equals(content)) problems.push(`${id}: ${name} differs`)
      files += 1
      bytes += content.length
      to.delete(name)
    }
    for (const name of to.keys()) problems.push(`${id}: ${name} should not be there`)
  }
  const expected = new Set(ids.map(pathSegment))
  for (const name of await readdir(target)) if (!expected.has(name)) problems.push(`${name} belongs to no user`)
  return { users: ids.length, files, bytes, problems }
}

/** An ID as one path segment, injectively: letters, digits, `_`, `-` and `.` but at the start stay, every other byte is `=HH`. */
function pathSegment(id: string): string {
  return [...Buffer.from(id)]
    .map((byte, index) => {
      const character = String.fromCharCode(byte)
      const isKept = /[A-Za-z0-9_-]/.test(character) || (character === '.' && index > 0)
      return isKept ? character : `=${byte.toString(16).toUpperCase().padStart(2, '0')}`
    })
    .join('')
}

async function filesBelow(folder: string): Promise<Map<string, Buffer>> {
  const files = new Map<string, Buffer>()
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const file = join(entry.parentPath, entry.name)
    files.set(file.slice(folder.length + 1), await readFile(file))
  }
  return files
}
