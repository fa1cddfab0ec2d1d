// group_vars/ and host_vars/ beside an inventory: the plain YAML files there are read as Ansible reads them; encrypted ones are named.
import { existsSync, readdirSync, statSync } from 'node:fs'
import { extname, join } from 'node:path'
import { describeFound } from '../problem.ts'
import { readText } from '../read-text.ts'
import { parseYamlText, VAULT } from '../yaml-file.ts'
import type { Draft } from './draft.ts'
import { isNeeded, type Variables } from './variable.ts'

/** The order in which Ansible looks for a file; the first that is there is the only one. */
const ENDINGS = ['', '.yml', '.yaml', '.json']

/** The variables of those `names` that have a file or a folder in `folder`. Problems and notes go to `draft`. */
export function variablesInFolder(
  folder: string,
  names: Iterable<string>,
  layer: string,
  draft: Draft,
): ReadonlyMap<string, Variables> {
  const found = new Map<string, Variables>()
  if (!isFolder(folder)) return found
  const present = new Set(readdirSync(folder))
  for (const name of names) {
    const ending = ENDINGS.find((candidate) => present.has(name + candidate))
    if (ending === undefined) continue
    const variables: Variables = new Map()
    for (const file of filesAt(join(folder, name + ending))) readInto(variables, file, layer, draft)
    found.set(name, variables)
  }
  return found
}

function isFolder(path: string): boolean {
  return existsSync(path) && statSync(path).isDirectory()
}

/** All files below a folder in the order of their names; hidden ones and backups are not for reading. */
function filesAt(path: string): readonly string[] {
  if (!isFolder(path)) return [path]
  return readdirSync(path)
    .sort()
    .filter((name) => !name.startsWith('.') && !name.endsWith('~'))
    .map((name) => join(path, name))
    .filter((inside) => isFolder(inside) || ENDINGS.includes(extname(inside)))
    .flatMap(filesAt)
}

function readInto(variables: Variables, file: string, layer: string, draft: Draft): void {
  const text = readText(file, { what: 'variables', remedy: 'remove the broken link' })
  if (text.startsWith('$ANSIBLE_VAULT')) {
    draft.notes.push(`${file}: encrypted by ansible-vault, not read`)
    return
  }
  const yaml = parseYamlText(text, file, 'ansible')
  draft.problems.push(...yaml.problems)
  const { value } = yaml
  if (value === null || value === undefined) return
  if (typeof value !== 'object' || Array.isArray(value)) {
    const message = `expected a mapping of variables, found ${describeFound(value)}`
    draft.problems.push({ file, ...yaml.placeOf([]), message })
    return
  }
  for (const [name, content] of Object.entries<unknown>({ ...value })) {
    if (isNeeded(name)) variables.set(name, { name, value: content, file, place: yaml.placeOfKey([name]), layer })
    else if (content === VAULT) {
      const { line, column } = yaml.placeOfKey([name])
      draft.notes.push(`${file}:${line}:${column}: ${name} is encrypted by ansible-vault; fleet does not need it`)
    }
  }
}
