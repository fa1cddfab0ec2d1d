// One server's way in, every question answered: the strongest of inventory, ssh_config and what is built in, with the source of each
// value; and the hops in front of it. A hop is either a node of the inventory, with all that is known of it, or `[user@]host[:port]`
// looked up in ssh_config. As with `ssh -J`, only the first hop of a list may have hops of its own: the others are reached through the
// one before them.
import { join } from 'node:path'
import { FleetError, parseNodeName, type NodeName } from '../core/index.ts'
import { parseHostWord } from './host-word.ts'
import type { Access, InventoryNode } from './model.ts'
import type { Operator } from './operator.ts'
import { quoted } from './problem.ts'
import type { Answer, SshAnswers } from './ssh-config/ssh-answers.ts'
import type { SshConfigBook } from './ssh-config/ssh-config.ts'

/** More than anybody has; a ProxyJump made with %h can name another hop for ever. */
const MAX_HOPS = 16

export interface AccessOptions {
  readonly operator: Operator
  readonly knownHosts?: readonly string[]
  readonly acceptNew?: boolean
}

export interface Way {
  readonly access: Access
  /** The hops, the first one first. */
  readonly via: readonly Access[]
  /** Where each value of `access`, and `via`, came from. */
  readonly from: Readonly<Record<string, string>>
  /** Why it cannot be reached so. */
  readonly refusal: FleetError | undefined
}

export interface AccessDesk {
  wayTo(node: InventoryNode): Way
}

/** What is known of a server before ssh_config is asked. */
interface Wanted {
  readonly name: NodeName
  readonly address: string
  readonly port: number | undefined
  readonly user: string | undefined
  readonly identities: readonly string[] | undefined
  readonly via: readonly string[] | undefined
  readonly from: Readonly<Record<string, string>>
}

/** Servers are looked up once, however many nodes are behind them. `nodes`: the whole inventory. */
export function createAccessDesk(
  nodes: readonly InventoryNode[],
  book: SshConfigBook,
  options: AccessOptions,
): AccessDesk {
  const byName = new Map<string, InventoryNode>(nodes.map((node) => [node.node, node]))
  const hops = new Map<string, Way>()

  const wayTo = (wanted: Wanted, trail: readonly string[]): Way => {
    const answers = book.lookUp(wanted.address, { user: wanted.user, port: wanted.port })
    const { access, from } = accessOf(wanted, answers, options)
    const list: Answer<readonly string[]> =
      wanted.via === undefined
        ? (answers.jumps ?? { value: [], from: 'built in' })
        : { value: wanted.via, from: wanted.from['via'] ?? 'inventory' }
    const command = wanted.via === undefined ? answers.proxyCommand : undefined
    const before = hopsOf(list.value, wanted.via !== undefined, trail)
    const refusal = answers.refusal ?? (command === undefined ? before.refusal : proxyCommandError(wanted, command))
    return {
      access,
      via: before.via,
      from: { ...from, via: command?.from ?? list.from },
      refusal,
    }
  }

  /** `isOfInventory`: names of nodes are known there, and only there. */
  const hopsOf = (
    list: readonly string[],
    isOfInventory: boolean,
    trail: readonly string[],
  ): Pick<Way, 'via' | 'refusal'> => {
    const via: Access[] = []
    for (const [index, word] of list.entries()) {
      const way = hopWay(word, index === 0, isOfInventory ? byName.get(word) : undefined, trail)
      if (way instanceof FleetError) return { via, refusal: way }
      via.push(...way.via, way.access)
    }
    return { via, refusal: undefined }
  }

  const hopWay = (
    word: string,
    isFirst: boolean,
    node: InventoryNode | undefined,
    trail: readonly string[],
  ): Way | FleetError => {
    const key = JSON.stringify([node === undefined ? 'ssh_config' : 'inventory', word])
    if (isFirst && trail.includes(key)) return circle([...trail.slice(trail.indexOf(key)), key])
    if (trail.length > MAX_HOPS) return tooManyHops(word)
    const memory = `${key} ${isFirst ? 'first' : 'later'}`
    const known = hops.get(memory)
    if (known !== undefined) return known
    const hop = node === undefined ? hopOf(word) : { ...node, name: node.node }
    if (hop instanceof FleetError) return hop
    const way = wayTo(isFirst ? hop : { ...hop, via: [] }, [...trail, key])
    // What a trail that ended in a circle has found is true of that trail only.
    if (way.refusal !== undefined) return way.refusal
    hops.set(memory, way)
    return way
  }

  return {
    wayTo: (node) => wayTo({ ...node, name: node.node }, [JSON.stringify(['inventory', node.node])]),
  }
}

/** Values of the inventory first, then those of ssh_config, then the built-in ones. */
function accessOf(
  wanted: Wanted,
  answers: SshAnswers,
  { operator, knownHosts, acceptNew }: AccessOptions,
): { readonly access: Access; readonly from: Readonly<Record<string, string>> } {
  const from: Record<string, string> = {}
  const choose = <Value>(
    name: string,
    own: Value | undefined,
    answer: Answer<Value> | undefined,
    last: Value,
    lastFrom: string,
  ): Value => {
    if (own !== undefined) {
      from[name] = wanted.from[name] ?? 'inventory'
      return own
    }
    from[name] = answer?.from ?? lastFrom
    return answer === undefined ? last : answer.value
  }
  const files =
    knownHosts === undefined ? knownHostsOf(answers, operator) : { value: knownHosts, from: '--known-hosts' }
  const accepts = acceptNew === true ? { value: true, from: '--accept-new' } : answers.acceptNew
  from['knownHosts'] = files.from
  from['acceptNew'] = accepts?.from ?? 'built in'
  from['address'] = answers.hostName?.from ?? wanted.from['address'] ?? 'inventory'
  if (answers.hostKeyAlias !== undefined) from['hostKeyAlias'] = answers.hostKeyAlias.from
  if (answers.connectTimeoutMs !== undefined) from['connectTimeoutMs'] = answers.connectTimeoutMs.from
  const access: Access = {
    name: wanted.name,
    address: answers.hostName?.value ?? wanted.address,
    port: choose('port', wanted.port, answers.port, 22, 'built in'),
    user: choose('user', wanted.user, answers.user, operator.user, 'operator'),
    identities: choose('identities', wanted.identities, answers.identities, operator.identities, 'operator'),
    identitiesOnly: choose('identitiesOnly', undefined, answers.identitiesOnly, false, 'built in'),
    agent: agentOf(answers, operator, from),
    knownHosts: files.value,
    hostKeyAlias: answers.hostKeyAlias?.value,
    acceptNew: accepts?.value ?? false,
    connectTimeoutMs: answers.connectTimeoutMs?.value,
    notes: answers.notes,
  }
  return { access, from }
}

function agentOf({ agent }: SshAnswers, operator: Operator, from: Record<string, string>): string | undefined {
  from['agent'] = agent?.from ?? 'operator'
  return agent === undefined ? operator.agent : agent.value
}

/** New keys go to the first file, which must never be the one of the whole machine. */
function knownHostsOf({ userKnownHosts, globalKnownHosts }: SshAnswers, operator: Operator): Answer<readonly string[]> {
  const usual = ['known_hosts', 'known_hosts2'].map((name) => join(operator.home, '.ssh', name))
  const own = userKnownHosts?.value ?? usual
  const general = globalKnownHosts?.value ?? ['/etc/ssh/ssh_known_hosts', '/etc/ssh/ssh_known_hosts2']
  const from = [...new Set([userKnownHosts?.from ?? 'built in', globalKnownHosts?.from ?? 'built in'])]
  return { value: [...(own.length === 0 ? ['/dev/null'] : own), ...general], from: from.join(', ') }
}

function hopOf(word: string): Wanted | FleetError {
  const parsed = parseHostWord(word)
  const isHop = parsed !== undefined && !/[[\],%]/.test(parsed.host)
  const name = isHop ? nameOf(parsed.port === undefined ? parsed.host : `${parsed.host}:${parsed.port}`) : undefined
  if (!isHop || name === undefined) {
    return new FleetError('FLEET_CONFIG_BAD_HOP', `expected a hop [user@]host[:port], found ${quoted(word)}`, {
      remedy: 'correct "via" in the inventory, or ProxyJump in ssh_config',
    })
  }
  const { user, host, port } = parsed
  const place = `the hop ${word}`
  return {
    name,
    address: host,
    port,
    user,
    identities: undefined,
    via: undefined,
    from: { address: place, port: place, user: place },
  }
}

function nameOf(text: string): NodeName | undefined {
  try {
    return parseNodeName(text)
  } catch {
    return undefined
  }
}

function circle(keys: readonly string[]): FleetError {
  const words = keys.map((key) => quoted(String((JSON.parse(key) as unknown[])[1]))).join(' through ')
  return new FleetError('FLEET_CONFIG_BAD_HOP', `expected hops that lead to an end, found a circle: ${words}`, {
    remedy:
      'exclude the hop from the Host block that holds ProxyJump (Host !bastion *), or give it "via: none" in the inventory',
  })
}

function tooManyHops(word: string): FleetError {
  return new FleetError(
    'FLEET_CONFIG_BAD_HOP',
    `expected at most ${MAX_HOPS} hops, found more: the next is ${quoted(word)}`,
    {
      remedy: 'correct ProxyJump in ssh_config: a name made with %h can lead to another one without end',
    },
  )
}

function proxyCommandError({ name }: Wanted, command: Answer<string>): FleetError {
  return new FleetError(
    'FLEET_CONFIG_SSH_UNSUPPORTED',
    `expected a way to ${name} that fleet can take, found a ProxyCommand at ${command.from}: ${quoted(command.value)}`,
    { remedy: 'use ProxyJump in ssh_config, or "via" in the inventory ("via: none" when it is reached directly)' },
  )
}
