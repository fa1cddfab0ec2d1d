// YAML inventories of Ansible: groups with hosts, children and vars, read as plugins/inventory/yaml.py reads them.
import { describeFound, quoted } from '../problem.ts'
import { VAULT, type YamlFile, type YamlPath } from '../yaml-file.ts'
import { Draft } from './draft.ts'
import { isNeeded } from './variable.ts'

export function draftFromYaml(yaml: YamlFile): Draft {
  const draft = new Draft(yaml.file)
  draft.problems.push(...yaml.problems)
  const reader = new GroupReader(draft, yaml)
  for (const [name, content] of entriesOf(yaml.value)) reader.read(name, content, [name])
  return draft
}

class GroupReader {
  readonly #draft: Draft
  readonly #yaml: YamlFile
  /** An alias may put a group into itself. */
  readonly #open = new Set<unknown>()

  constructor(draft: Draft, yaml: YamlFile) {
    this.#draft = draft
    this.#yaml = yaml
  }

  read(name: string, content: unknown, path: YamlPath): void {
    const place = this.#yaml.placeOfKey(path)
    // eslint-disable-next-line no-control-regex
    if (name === '' || /[\u0000-\u001f\u007f]/.test(name)) {
      this.#draft.refuse(place, `expected the name of a group, found ${quoted(name)}`)
      return
    }
    if (content !== null && !isRecord(content)) {
      this.#draft.note(place, `${quoted(name)} is not a group of hosts, children and vars, and is not read`)
      return
    }
    if (this.#open.has(content) && content !== null) {
      this.#draft.refuse(place, `expected groups that are not inside themselves, found ${quoted(name)} in itself`)
      return
    }
    this.#draft.group(name)
    this.#open.add(content)
    for (const [section, value] of entriesOf(content)) this.#section(name, section, value, [...path, section])
    this.#open.delete(content)
  }

  #section(group: string, section: string, written: unknown, path: YamlPath): void {
    if (section !== 'hosts' && section !== 'children' && section !== 'vars') {
      const place = this.#yaml.placeOfKey(path)
      this.#draft.note(
        place,
        `${quoted(section)} in group ${group} is none of hosts, children and vars, and is not read`,
      )
      return
    }
    // One name without anything may be written as text.
    const value = typeof written === 'string' ? { [written]: null } : written
    if (value !== null && !isRecord(value)) {
      const found = describeFound(value)
      this.#draft.refuse(this.#yaml.placeOf(path), `expected a mapping as ${section} of group ${group}, found ${found}`)
      return
    }
    for (const [name, content] of entriesOf(value)) {
      const here = [...path, name]
      if (section === 'hosts') this.#host(group, name, content, here)
      else if (section === 'vars') this.#groupVariable(group, name, content, here)
      else {
        this.#draft.group(group).children.set(name, this.#yaml.placeOfKey(here))
        this.read(name, content, here)
      }
    }
  }

  #host(group: string, name: string, content: unknown, path: YamlPath): void {
    const hosts = this.#draft.hostsOf(name, group, this.#yaml.placeOfKey(path))
    if (content !== null && !isRecord(content)) {
      const found = describeFound(content)
      this.#draft.refuse(this.#yaml.placeOf(path), `expected a mapping of variables for ${name}, found ${found}`)
      return
    }
    for (const [key, value] of entriesOf(content)) {
      if (isNeeded(key)) this.#draft.setHostVariable(hosts, key, value, this.#yaml.placeOfKey([...path, key]))
      else if (value === VAULT) this.#noteVault(key, [...path, key])
    }
  }

  #groupVariable(group: string, key: string, value: unknown, path: YamlPath): void {
    if (value === VAULT && !isNeeded(key)) this.#noteVault(key, path)
    else this.#draft.setGroupVariable(group, key, value, this.#yaml.placeOfKey(path))
  }

  #noteVault(key: string, path: YamlPath): void {
    this.#draft.note(this.#yaml.placeOfKey(path), `${key} is encrypted by ansible-vault; fleet does not need it`)
  }
}

function entriesOf(value: unknown): readonly (readonly [string, unknown])[] {
  return isRecord(value) ? Object.entries(value) : []
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
