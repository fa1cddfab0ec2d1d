// Which form an inventory is written in, by its ending and its content. What could be meant as two of them is refused with both
// readings named: a guess could put work on the wrong machines.
import { FleetError } from '../core/index.ts'
import { invalidError, quoted, type Problem } from './problem.ts'
import type { YamlFile } from './yaml-file.ts'

const NATIVE_KEYS = new Set(['defaults', 'groups', 'hosts'])
const ANSIBLE_KEYS = new Set(['hosts', 'children', 'vars'])
const SECTION = /^\[[^\s:,\]]+(?::\w+)?\]\s*(?:[#;].*)?$/
const YAML_START = /^(?:---|\{|[^\s[\]#;='"]+\s*:(?:\s|$)|(["'])(?:(?!\1).)+\1\s*:(?:\s|$))/
/** A top level key that fleet's own form does not have, or what only Ansible's YAML has; a wrong guess costs a second parse. */
const LOOKS_ANSIBLE = /^(?!defaults\b|groups\b|hosts\b)[\w.-]+[ \t]*:[ \t]*(?:#.*)?$|!vault|!unsafe|<<[ \t]*:/m

/** `lines`: INI or a plain list. Throws FLEET_CONFIG_INVALID when ending and content disagree, FLEET_CONFIG_DYNAMIC for what is no list of hosts. */
export function formatOfText(text: string, file: string): 'yaml' | 'lines' {
  if (text.startsWith('#!')) throw dynamicInventory(file, 'a program that prints an inventory')
  if (text.startsWith('$ANSIBLE_VAULT')) throw encryptedInventory(file)
  const lines = text.slice(0, 65_536).split(/\r\n|\r|\n/)
  const index = lines.findIndex((line) => /^[^#;\s]|^\s+[^#;\s]/.test(line))
  const first = (lines[index] ?? '').trim()
  const refuse = (expected: string, found: string): FleetError =>
    invalidError([{ file, line: index + 1, column: 1, message: `expected ${expected}, found ${found}` }])
  if (/\.(?:ya?ml|json)$/i.test(file)) {
    if (SECTION.test(first)) throw refuse('YAML, because of the ending of the file', `the INI section ${quoted(first)}`)
    return 'yaml'
  }
  const isYaml = YAML_START.test(first)
  if (isYaml && /\.(?:ini|cfg|txt)$/i.test(file))
    throw refuse('INI or one host a line, because of the ending of the file', `what looks like YAML: ${quoted(first)}`)
  return isYaml ? 'yaml' : 'lines'
}

/** The dialect to parse first; `formatOfYaml` has the last word. */
export function likelyDialect(text: string): 'fleet' | 'ansible' {
  return LOOKS_ANSIBLE.test(text) ? 'ansible' : 'fleet'
}

/** Throws FLEET_CONFIG_INVALID for what could be either, FLEET_CONFIG_DYNAMIC for the configuration of a plugin and for what a dynamic inventory prints. */
export function formatOfYaml(yaml: YamlFile): 'fleet' | 'ansible' {
  const { value, file } = yaml
  if (!isRecord(value)) return 'fleet'
  if (typeof value['plugin'] === 'string')
    throw dynamicInventory(file, `the configuration of plugin ${quoted(value['plugin'])}`)
  if (isRecord(value['_meta'])) throw dynamicInventory(file, 'the output of ansible-inventory --list')
  const native: string[] = []
  const ansible: string[] = []
  const either: string[] = []
  for (const [key, content] of Object.entries(value)) {
    const asGroup = isAnsibleGroup(content)
    if (key === 'all') ansible.push(key)
    else if (NATIVE_KEYS.has(key)) (asGroup ? either : native).push(key)
    else if (asGroup) ansible.push(key)
  }
  if (ansible.length > 0) {
    const [odd] = [...native, ...either]
    if (odd === undefined) return 'ansible'
    throw eitherForm(
      yaml,
      odd,
      `${quoted(odd)}, a key of fleet's form, beside ${quoted(ansible[0] ?? '')}, a group of Ansible's`,
    )
  }
  const [odd] = either
  if (odd === undefined) return 'fleet'
  throw eitherForm(yaml, odd, `${quoted(odd)}, which could be a key of fleet's form or a group of Ansible's`)
}

function isAnsibleGroup(content: unknown): boolean {
  if (!isRecord(content)) return false
  const keys = Object.keys(content)
  return (
    keys.some((key) => ANSIBLE_KEYS.has(key)) &&
    keys.every(
      (key) =>
        !ANSIBLE_KEYS.has(key) || content[key] === null || isRecord(content[key]) || typeof content[key] === 'string',
    )
  )
}

function eitherForm(yaml: YamlFile, key: string, found: string): FleetError {
  const problem: Problem = {
    file: yaml.file,
    ...yaml.placeOfKey([key]),
    message: `expected an inventory either in fleet's form or in Ansible's (whose groups may stand under "all: children:"), found ${found}`,
  }
  return invalidError([problem])
}

/** For folders, programs, plugins: whatever Ansible must run or join to know the hosts. */
export function dynamicInventory(file: string, found: string): FleetError {
  return new FleetError(
    'FLEET_CONFIG_DYNAMIC',
    `expected an inventory that lists its hosts at ${file}, found ${found}`,
    {
      remedy: `ansible-inventory -i ${file} --list --yaml --export > hosts.yml, and name hosts.yml instead`,
    },
  )
}

function encryptedInventory(file: string): FleetError {
  return new FleetError(
    'FLEET_CONFIG_INVALID',
    `${file}:1:1: expected an inventory, found one that ansible-vault has encrypted`,
    {
      remedy: `ansible-vault decrypt --output hosts.yml ${file}, and name hosts.yml instead`,
    },
  )
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
