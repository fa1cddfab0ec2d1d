// One server's way in, every question answered: the strongest of inventory, ssh_config and what is built in, with the source of each
// value; and the hops in front of it. A hop is either a node of the inventory, with all that is known of it, or `[user@]host[:port]`
// looked up in ssh_config. As with `ssh -J`, only the first hop of a list may have hops of its own: the others are reached through the
// one before them.
import { FleetError, parseNodeName, type NodeName } from '../core/index.ts'
import { accessOf, type AccessOptions, type Wanted } from './access.ts'
import { circle, MAX_HOPS, proxyCommandError, tooManyHops } from './bad-way.ts'
import { parseHostWord } from './host-word.ts'
import type { Access, InventoryNode } from './model.ts'
import { quoted } from './problem.ts'
import type { Answer } from './ssh-config/ssh-answers.ts'
import type { SshConfigBook } from './ssh-config/ssh-config.ts'

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
    const refusal =
      answers.refusal ?? (command === undefined ? before.refusal : proxyCommandError(wanted.name, command))
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
