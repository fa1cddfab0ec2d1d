// `--hosts a,b[1:3],deploy@c:2222`: nodes without a file.
import { FleetError, messageOf, parseNodeName } from '../core/index.ts'
import { parseHostWord } from './host-word.ts'
import type { OutlineNode } from './inventory-outline.ts'
import { expandName, MAX_NAMES, splitOutsideBrackets } from './name-range.ts'
import { quoted } from './problem.ts'

/** In the order in which they are named. Throws FLEET_CONFIG_INVALID, also for a name that comes twice. */
export function nodesOfCommandLine(hosts: string): readonly OutlineNode[] {
  const nodes = new Map<string, OutlineNode>()
  try {
    for (const item of splitOutsideBrackets(hosts, ',').map((piece) => piece.trim())) {
      const word = parseHostWord(item)
      if (word === undefined) throw new Error(`expected names such as node01 or user@host:22, found ${quoted(item)}`)
      const layer = { variables: { user: word.user, port: word.port }, whereFrom: () => '--hosts' }
      for (const name of expandName(word.host)) {
        if (nodes.has(name)) throw new Error(`expected each name once, found ${quoted(name)} again`)
        if (nodes.size >= MAX_NAMES) throw new Error(`expected at most ${MAX_NAMES} names, found more`)
        const place = { line: 1, column: 1 }
        nodes.set(name, { name: parseNodeName(name), groups: [], layers: [layer], place: () => place })
      }
    }
    return [...nodes.values()]
  } catch (cause) {
    throw new FleetError('FLEET_CONFIG_INVALID', `--hosts: ${messageOf(cause)}`, {
      remedy: 'name nodes as in --hosts node01,node[02:05]',
      cause,
    })
  }
}
