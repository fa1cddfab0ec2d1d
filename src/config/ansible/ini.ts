// INI inventories, read as Ansible's plugins/inventory/ini.py reads them. Without any section the file is a plain list: one host a
// line, each of them once.
import { quoted, type Place } from '../problem.ts'
import { Draft, type Host } from './draft.ts'
import { pythonLiteral } from './python-literal.ts'
import { splitWords } from './words.ts'

const SECTION = /^\[([^\s:\]]+)(?::(\w+))?\]\s*(?:#.*)?$/
const GROUP_NAME = /^([^\s:\]]+)\s*(?:#.*)?$/

interface Section {
  readonly group: string
  readonly kind: 'hosts' | 'children' | 'vars' | 'unknown'
}

export function draftFromLines(text: string, file: string): Draft {
  const draft = new Draft(file)
  const reader = new LineReader(draft)
  for (const [index, line] of text.split(/\r\n|\r|\n/).entries()) {
    const content = line.trim()
    if (content === '' || content.startsWith('#') || content.startsWith(';')) continue
    reader.read(content, { line: index + 1, column: line.length - line.trimStart().length + 1 })
  }
  reader.finish()
  return draft
}

class LineReader {
  readonly #draft: Draft
  #section: Section | undefined
  /** Hosts of a file without sections, and those that it names again. */
  readonly #listed = new Set<Host>()
  readonly #repeated: { readonly text: string; readonly place: Place }[] = []
  #hasSections = false
  /** Groups that were mentioned only, as a child or for their variables. */
  readonly #declared = new Set(['all', 'ungrouped'])
  readonly #mentioned: { readonly group: string; readonly place: Place; readonly as: string }[] = []

  constructor(draft: Draft) {
    this.#draft = draft
  }

  read(line: string, place: Place): void {
    const section = SECTION.exec(line)
    if (section !== null) this.#open(section[1] ?? '', section[2] ?? 'hosts', place)
    else if (line.startsWith('[') && /\]\s*(?:#.*)?$/.test(line) && !/^\[[^\]]*[:\d][^\]]*\]/.test(line))
      this.#draft.refuse(place, `expected a section such as [web], [web:vars] or [web:children], found ${quoted(line)}`)
    else if (this.#section?.kind === 'vars') this.#variable(this.#section.group, line, place)
    else if (this.#section?.kind === 'children') this.#child(this.#section.group, line, place)
    else if (this.#section?.kind !== 'unknown') this.#host(line, place)
  }

  finish(): void {
    for (const { group, place, as } of this.#mentioned) {
      if (!this.#declared.has(group))
        this.#draft.refuse(place, `expected a section [${group}] or [${group}:children] for ${as}, found none`)
    }
    if (this.#hasSections) return
    for (const { text, place } of this.#repeated)
      this.#draft.refuse(place, `expected each host once in a list, found ${quoted(text)} again`)
  }

  #open(group: string, written: string, place: Place): void {
    this.#hasSections = true
    const kind = written === 'hosts' || written === 'children' || written === 'vars' ? written : 'unknown'
    this.#section = { group, kind }
    if (kind === 'unknown') {
      this.#draft.refuse(place, `expected a section of hosts, children or vars, found ${quoted(written)}`)
      return
    }
    this.#draft.group(group)
    if (kind === 'vars') this.#mentioned.push({ group, place, as: `the variables of ${quoted(group)}` })
    else this.#declared.add(group)
  }

  #variable(group: string, line: string, place: Place): void {
    const equals = line.indexOf('=')
    if (equals < 0) {
      this.#draft.refuse(place, `expected NAME=VALUE, found ${quoted(line)}`)
      return
    }
    const value = pythonLiteral(line.slice(equals + 1).trim())
    this.#draft.setGroupVariable(group, line.slice(0, equals).trim(), value, place)
  }

  #child(group: string, line: string, place: Place): void {
    const child = GROUP_NAME.exec(line)?.[1]
    if (child === undefined) {
      this.#draft.refuse(place, `expected the name of a group, found ${quoted(line)}`)
      return
    }
    this.#draft.group(group).children.set(child, place)
    this.#mentioned.push({ group: child, place, as: `the child ${quoted(child)} of ${quoted(group)}` })
  }

  #host(line: string, place: Place): void {
    const words = splitWords(line, { comments: true })
    if (words === undefined) {
      this.#draft.refuse(place, `expected every quote to be closed, found ${quoted(line)}`)
      return
    }
    const [first, ...assignments] = words
    if (first === undefined) return
    const hosts = this.#draft.hostsOf(first.text, this.#section?.group ?? 'all', place)
    if (this.#section === undefined) {
      if (hosts.some((host) => this.#listed.has(host))) this.#repeated.push({ text: first.text, place })
      for (const host of hosts) this.#listed.add(host)
    }
    for (const { text, start } of assignments) {
      const here = { line: place.line, column: place.column + start }
      const equals = text.indexOf('=')
      if (equals < 1) this.#draft.refuse(here, `expected one host a line, then NAME=VALUE, found ${quoted(text)}`)
      else this.#draft.setHostVariable(hosts, text.slice(0, equals), pythonLiteral(text.slice(equals + 1)), here)
    }
  }
}
