// `fleet hosts -v`: every value of each node, and behind it where it came from. A list has a line for each of its items, so that
// no line is longer than what it tells.
import type { Access, FleetConfig, ReachableNode } from '../../config/index.ts'
import { formatDuration, hostAndPort } from '../../core/index.ts'
import type { Output } from './output.ts'

/** A longer value pushes its source to the right, and only its own. */
const VALUE_WIDTH = 36
const NAME_WIDTH = 15

export function nodeDetails(nodes: readonly ReachableNode[], config: FleetConfig, style: Output['style']): string[] {
  return nodes.flatMap((node, index) => [
    ...(index === 0 ? [] : ['']),
    style('bold', node.node),
    ...valuesOf(node, config).flatMap(({ name, values, key }) => {
      const source = node.from[key]
      return values.map((value, line) => {
        const label = style('dim', (line === 0 ? name : '').padEnd(NAME_WIDTH))
        if (source === undefined || line > 0) return `  ${label} ${value}`
        return `  ${label} ${value.padEnd(VALUE_WIDTH)}  ${style('dim', `# ${source}`)}`
      })
    }),
  ])
}

interface Shown {
  readonly name: string
  /** None: not shown. */
  readonly values: readonly string[]
  /** In `from`. */
  readonly key: string
}

function valuesOf(node: ReachableNode, config: FleetConfig): readonly Shown[] {
  const { access, via, root, env, groups } = node
  const orNone = (values: readonly string[]): readonly string[] => (values.length === 0 ? ['none'] : values)
  const shown = (name: string, values: readonly (string | undefined)[], key = name): Shown => ({
    name,
    values: values.filter((value) => value !== undefined),
    key,
  })
  const { connectTimeoutMs } = access
  return [
    shown('address', [access.address]),
    shown('port', [String(access.port)]),
    shown('user', [access.user]),
    shown('via', orNone(via.map(placeOf))),
    shown('identities', orNone(access.identities)),
    shown('identities only', access.identitiesOnly ? ['yes'] : [], 'identitiesOnly'),
    shown('agent', [access.agent ?? 'none']),
    shown('known hosts', orNone(access.knownHosts), 'knownHosts'),
    shown('host key alias', [access.hostKeyAlias], 'hostKeyAlias'),
    shown('accept new keys', [access.acceptNew ? 'yes' : 'no'], 'acceptNew'),
    shown(
      'connect timeout',
      [connectTimeoutMs === undefined ? undefined : formatDuration(connectTimeoutMs)],
      'connectTimeoutMs',
    ),
    shown('slots', [slotsOf(node, config)], node.pool ? 'slots' : 'pool'),
    shown('root', [root ?? config.root]),
    shown('groups', groups.length === 0 ? [] : [groups.join(' ')]),
    ...Object.entries(env).map(([name, value]) => shown(`env ${name}`, [value], `env.${name}`)),
  ]
}

export function placeOf({ user, address, port }: Access): string {
  return `${user}@${hostAndPort(address, port)}`
}

export function slotsOf({ pool, slots }: ReachableNode, config: FleetConfig): string {
  return pool ? String(slots ?? config.worker.slots) : 'not in the fleet'
}
