// An Ansible inventory as it is being read: hosts, groups and the variables that matter to fleet, each with its place. INI and
// YAML fill the same draft.
import { FleetError, parseNodeName } from '../../core/index.ts'
import { parseHostWord, type HostWord } from '../host-word.ts'
import { MAX_MEMBERSHIPS } from '../inventory-outline.ts'
import { expandName, MAX_NAMES } from '../name-range.ts'
import { placeText, quoted, type Place, type Problem } from '../problem.ts'
import { isNeeded, type Variable, type Variables } from './variable.ts'

export interface Group {
  /** Each with the place where it is named. */
  readonly children: Map<string, Place>
  readonly variables: Variables
  /** `ansible_group_priority`: of groups of one depth, the higher one wins. */
  priority: number
}

export interface Host {
  /** Those that name it, without `all`. */
  readonly groups: string[]
  readonly variables: Variables
  readonly place: Place
}

export class Draft {
  readonly groups = new Map<string, Group>()
  readonly hosts = new Map<string, Host>()
  readonly problems: Problem[] = []
  readonly notes: string[] = []
  readonly file: string
  #memberships = 0

  constructor(file: string) {
    this.file = file
  }

  refuse(place: Place, message: string): void {
    this.problems.push({ file: this.file, line: place.line, column: place.column, message })
  }

  /** The group of that name, made if there is none yet. */
  group(name: string): Group {
    const known = this.groups.get(name)
    if (known !== undefined) return known
    const group: Group = { children: new Map(), variables: new Map(), priority: 1 }
    this.groups.set(name, group)
    return group
  }

  note(place: Place, text: string): void {
    this.notes.push(`${placeText(this.file, place)}: ${text}`)
  }

  setGroupVariable(name: string, key: string, value: unknown, place: Place): void {
    const group = this.group(name)
    if (key === 'ansible_group_priority') {
      const priority = Number(value)
      if (Number.isSafeInteger(priority)) group.priority = priority
      else this.refuse(place, `expected ansible_group_priority to be a whole number, found ${quoted(String(value))}`)
    } else if (isNeeded(key)) {
      group.variables.set(key, { name: key, value, file: this.file, place, layer: `group ${name}` })
    }
  }

  /** The hosts that a word such as `node[01:20]:2222` stands for, in `group`. None after a refusal. */
  hostsOf(text: string, group: string, place: Place): readonly Host[] {
    const word = parseHostWord(text)
    if (word === undefined) {
      this.refuse(place, `expected a host such as node01, node[02:50] or deploy@node51:22, found ${quoted(text)}`)
      return []
    }
    const hosts: Host[] = []
    for (const name of this.#namesOf(word, place)) {
      this.#memberships += 1
      if (this.#memberships > MAX_MEMBERSHIPS || (this.hosts.size >= MAX_NAMES && !this.hosts.has(name))) {
        this.refuse(
          place,
          `expected at most ${MAX_NAMES} nodes in ${MAX_MEMBERSHIPS / MAX_NAMES} groups each, found more`,
        )
        return []
      }
      const host: Host = this.hosts.get(name) ?? { groups: [], variables: new Map(), place }
      this.hosts.set(name, host)
      if (group !== 'all' && !host.groups.includes(group)) host.groups.push(group)
      this.#takeWord(host, word, place)
      hosts.push(host)
    }
    return hosts
  }

  setHostVariable(hosts: readonly Host[], key: string, value: unknown, place: Place): void {
    if (!isNeeded(key)) return
    const variable: Variable = { name: key, value, file: this.file, place, layer: 'host' }
    for (const host of hosts) host.variables.set(key, variable)
  }

  /** What the word itself says is weaker than a variable, and only its first mention counts, as with Ansible. */
  #takeWord(host: Host, { user, port }: HostWord, place: Place): void {
    const known = { file: this.file, place, layer: 'host' }
    if (port !== undefined && !host.variables.has('ansible_port'))
      host.variables.set('ansible_port', { name: 'ansible_port', value: port, ...known })
    if (user !== undefined && !host.variables.has('ansible_user'))
      host.variables.set('ansible_user', { name: 'ansible_user', value: user, ...known })
  }

  #namesOf({ host }: HostWord, place: Place): readonly string[] {
    try {
      return expandName(host).map((name) => parseNodeName(name))
    } catch (error) {
      if (!(error instanceof FleetError)) throw error
      this.refuse(place, error.message.replace(', got ', ', found '))
      return []
    }
  }
}
