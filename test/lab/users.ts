// Users for jobs on the lab: a few small files each, of which no two are alike, and IDs that break careless tools.
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'

const ODD_IDS = [
  "o'brien",
  'two words',
  'Ünï',
  '山田',
  'a&b=c',
  '100%',
  'p1',
  'p10',
  '$(touch owned)',
  '`touch owned`',
  '"q"',
  '-rf',
  'x;y',
  '*',
]

/** Writes `count` users below `folder`, and returns their IDs. */
export async function createUsers(folder: string, count: number): Promise<string[]> {
  const ids = Array.from({ length: count }, (_, index) => ODD_IDS[index] ?? `user${index}`)
  for (const [index, id] of ids.entries()) {
    const files = new Map([
      ['profile.txt', `I am ${id}.\n`],
      ['empty', ''],
      [`photos/it's n° ${index}.txt`, `${id} ${'x'.repeat(index % 5000)}\n`],
    ])
    for (const [name, content] of files) {
      await mkdir(dirname(join(folder, id, name)), { recursive: true })
      await writeFile(join(folder, id, name), content)
    }
  }
  return ids
}

/** What is wrong with the copies, one line each: missing, different, foreign or surplus. */
export async function differences(source: string, target: string, ids: readonly string[]): Promise<string[]> {
  const wrong: string[] = []
  const folders = new Map<string, string>()
  for (const folder of await readdir(target)) {
    const owner = await readFile(join(target, folder, '.fleet-user'), 'utf8').catch(() => '')
    if (folders.has(owner.trimEnd())) wrong.push(`${owner}: two folders`)
    folders.set(owner.trimEnd(), folder)
  }
  for (const id of ids) {
    const folder = folders.get(id)
    folders.delete(id)
    if (folder === undefined) wrong.push(`${id}: nothing arrived`)
    else wrong.push(...(await compare(join(source, id), join(target, folder), id)))
  }
  return [...wrong, ...[...folders.values()].map((folder) => `${folder}: belongs to nobody`)]
}

async function compare(from: string, to: string, id: string): Promise<string[]> {
  const [wanted, found] = await Promise.all([filesBelow(from), filesBelow(to)])
  found.delete('.fleet-user')
  const wrong: string[] = []
  for (const [name, content] of wanted) {
    const copy = found.get(name)
    found.delete(name)
    if (copy === undefined) wrong.push(`${id}: ${name} is missing`)
    else if (!copy.equals(content)) wrong.push(`${id}: ${name} differs`)
  }
  return [...wrong, ...[...found.keys()].map((name) => `${id}: ${name} is surplus`)]
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
