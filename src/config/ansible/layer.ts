// From Ansible's variables, merged for one node, to the variables of fleet. What is needed and cannot be read is a problem; what
// fleet does not do is a note. Both are told once for a variable, however many nodes it reaches.
import { hostSchema } from '../inventory-schema.ts'
import type { Layer } from '../node-layers.ts'
import { describeFound, placeText, quoted, type Problem } from '../problem.ts'
import { VAULT } from '../yaml-file.ts'
import { parseHops, parseSshArguments, type SshArguments } from './ssh-arguments.ts'
import { ARGUMENTS, NOT_HONOURED, SYNONYMS, type Variable, type Variables } from './variable.ts'

const SSH_CONNECTIONS = new Set(['ssh', 'smart', 'paramiko', 'paramiko_ssh', 'libssh'])

type Key = keyof typeof SYNONYMS
type Found = Record<string, unknown>

export class LayerReader {
  readonly #reported = new Map<Variable, string | undefined>()
  readonly #arguments = new Map<Variable, SshArguments>()
  readonly #noted = new Map<string, { readonly place: string; count: number }>()
  readonly #notedVariables = new Set<string>()
  readonly problems: Problem[] = []
  /** Where relative keys start: the folder that ssh would be run in. */
  readonly #folder: string

  constructor(folder: string) {
    this.#folder = folder
  }

  /** One sentence for each thing that is not honoured, with its first place. */
  get notes(): readonly string[] {
    return [...this.#noted].map(([text, { place, count }]) =>
      count === 1 ? `${place}: ${text}` : `${place}: ${text} (and in ${count - 1} more places)`,
    )
  }

  read(variables: Variables): Layer {
    const found: Found = {}
    const origins = new Map<string, Variable>()
    const put = (key: string, value: unknown, variable: Variable): void => {
      found[key] = value
      origins.set(key, variable)
    }
    for (const key of Object.keys(SYNONYMS) as readonly Key[]) {
      const variable = strongest(SYNONYMS[key], variables)
      const value = variable === undefined ? undefined : this.#valueOf(key, variable)
      if (variable !== undefined && value !== undefined) put(key, value, variable)
    }
    this.#connection(variables.get('ansible_connection'), found, put)
    this.#via(variables, put)
    for (const [name, reason] of Object.entries(NOT_HONOURED)) {
      const variable = variables.get(name)
      if (variable !== undefined) this.#note(variable, `${name} is not used: ${reason}`)
    }
    return {
      variables: found,
      whereFrom: (key) => {
        const origin = origins.get(key)
        return origin === undefined ? 'built in' : `${origin.layer} (${placeText(origin.file, origin.place)})`
      },
    }
  }

  #valueOf(key: Key, variable: Variable): unknown {
    const text = this.#textOf(variable)
    if (text === undefined) return undefined
    const isNumber = key === 'port' || key === 'slots'
    const value =
      isNumber && /^[1-9]\d{0,8}$/.test(text) ? Number(text) : key === 'pool' ? (truthOf(text) ?? text) : text
    const checked = hostSchema.shape[key].safeParse(value)
    if (!checked.success) {
      this.#refuse(variable, `expected ${variable.name} to be ${checked.error.issues[0]?.message ?? 'another value'}`)
      return undefined
    }
    return key === 'identity' && !/^[~/]/.test(text) ? `${this.#folder}/${text}` : value
  }

  /** Undefined for an empty value, which leaves the matter open, and after a refusal. */
  #textOf(variable: Variable): string | undefined {
    const { name, value } = variable
    if (value === null || value === '') return undefined
    if (value === VAULT) this.#refuse(variable, `expected ${name} in plain text`, 'a value encrypted by ansible-vault')
    else if (typeof value === 'string' && /\{\{|\{%/.test(value))
      this.#refuse(variable, `expected ${name} without a template (only Ansible can fill it in)`)
    else if (typeof value === 'string' || typeof value === 'number') return String(value)
    else if (typeof value === 'boolean' && name === 'fleet_pool') return String(value)
    else this.#refuse(variable, `expected ${name} to be text`)
    return undefined
  }

  #connection(
    variable: Variable | undefined,
    found: Found,
    put: (key: string, value: unknown, by: Variable) => void,
  ): void {
    const kind = variable === undefined ? undefined : this.#textOf(variable)
    if (variable === undefined || kind === undefined || SSH_CONNECTIONS.has(kind.split('.').at(-1) ?? '')) return
    if (found['pool'] !== undefined) return
    put('pool', false, variable)
    this.#note(
      variable,
      `ansible_connection=${kind} is not SSH: such hosts are not part of the fleet (fleet_pool=true puts them in)`,
    )
  }

  /** fleet's own variable first, else the first of ssh's arguments that names a way. */
  #via(variables: Variables, put: (key: string, value: unknown, by: Variable) => void): void {
    const own = variables.get('fleet_via')
    if (own !== undefined && own.value !== null && own.value !== '') {
      const text = Array.isArray(own.value) ? own.value.map(String).join(',') : this.#textOf(own)
      const hops = text === undefined || text === '' ? [] : parseHops(text)
      if (hops === undefined)
        this.#refuse(own, 'expected fleet_via to be hops such as bastion or user@host:22, or none')
      else if (text !== undefined) put('via', hops, own)
      return
    }
    let isDecided = false
    for (const name of ARGUMENTS) {
      const variable = variables.get(name)
      if (variable === undefined) continue
      const parsed = this.#argumentsOf(variable)
      if (parsed === undefined || isDecided) continue
      if (parsed.refusal !== undefined)
        this.#refuse(
          variable,
          `expected ${name} with a way through hosts (or fleet_via beside it)`,
          quoted(parsed.refusal),
        )
      else if (parsed.via !== undefined) put('via', parsed.via, variable)
      isDecided = parsed.refusal !== undefined || parsed.via !== undefined
    }
  }

  #argumentsOf(variable: Variable): SshArguments | undefined {
    const known = this.#arguments.get(variable)
    if (known !== undefined) return known
    const text = this.#textOf(variable)
    if (text === undefined) return undefined
    const parsed = parseSshArguments(text)
    this.#arguments.set(variable, parsed)
    if (parsed.ignored.length > 0)
      this.#note(
        variable,
        `${[...new Set(parsed.ignored)].join(', ')} in ${variable.name} is not used; ssh_config may say it`,
      )
    return parsed
  }

  #refuse(variable: Variable, expected: string, found = describeFound(variable.value)): void {
    if (this.#reported.has(variable)) return
    this.#reported.set(variable, expected)
    this.problems.push({ file: variable.file, ...variable.place, message: `${expected}, found ${found}` })
  }

  #note(variable: Variable, text: string): void {
    const place = placeText(variable.file, variable.place)
    if (this.#notedVariables.has(place)) return
    this.#notedVariables.add(place)
    const known = this.#noted.get(text)
    if (known === undefined) this.#noted.set(text, { place, count: 1 })
    else known.count += 1
  }
}

function strongest(names: readonly string[], variables: Variables): Variable | undefined {
  return names
    .map((name) => variables.get(name))
    .filter((variable) => variable !== undefined && variable.value !== null && variable.value !== '')
    .at(-1)
}

/** As Ansible's `boolean` filter. */
function truthOf(text: string): boolean | undefined {
  if (/^(?:true|yes|on|y|t|1)$/i.test(text)) return true
  return /^(?:false|no|off|n|f|0)$/i.test(text) ? false : undefined
}
