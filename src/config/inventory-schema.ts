// An inventory in fleet's own form, once: keys, kinds, limits and descriptions, as in fleet-schema.ts.
import { z } from 'zod'
import { MAX_SLOTS } from '../core/index.ts'
import { environment, listOf, mapping, nodeFolder, text, wholeNumber } from './fields.ts'
import { parseHostWord } from './host-word.ts'

const keyFile = text('the path of a private key')

const HOPS = 'a hop such as bastion or user@host:22, a list of hops, or none'
const hop = z.string({ error: HOPS }).refine((written) => parseHostWord(written) !== undefined, { error: HOPS })

// What may stand in any layer: defaults, a group, a host.
const variables = {
  user: text('a login name', /^[^\s:@/-][^\s:@/]*$/)
    .optional()
    .describe('Login name; the name of the operator when no layer says another'),
  port: wholeNumber(1, 65_535).optional().describe('Port of sshd; 22 when no layer says another'),
  identity: z
    .union([keyFile, listOf(keyFile, 'a list of private keys').min(1)], {
      error: 'the path of a private key, or a list of them',
    })
    .optional()
    .describe('Private keys to offer, relative to the inventory; ~/ is the home of the operator'),
  root: nodeFolder.optional().describe("Folder on the nodes; fleet.yml's root when no layer says another"),
  slots: wholeNumber(1, MAX_SLOTS)
    .optional()
    .describe("Worker processes; fleet.yml's worker.slots when no layer says another"),
  env: environment.optional().describe('Environment of the workers, merged name by name over all layers'),
  via: z
    .union([hop, z.array(hop.refine((written) => written !== 'none', { error: HOPS }))], { error: HOPS })
    .optional()
    .describe(
      'Hops on the way, the first one first: nodes of this inventory (mostly with pool: false) or [user@]host[:port]; none: reached directly, whatever ssh_config says',
    ),
  pool: z.boolean({ error: 'true or false' }).optional().describe('false: reachable, but not part of the fleet'),
}

export const hostSchema = mapping({
  ...variables,
  address: text('a host name or an IP address', /^[A-Za-z0-9:][A-Za-z0-9._:%-]*$/)
    .optional()
    .describe('Where the node is reached; its name when left out'),
})

const group = mapping({
  ...variables,
  hosts: z
    .array(text('a name, or a range of names such as node[01:50]'), {
      error: 'a list of names such as [node01, "node[02:50]"]',
    })
    .optional()
    .describe('The nodes of the group; ranges such as node[01:50]'),
  children: z
    .array(text('the name of a group'), { error: 'a list of group names such as [east, west]' })
    .optional()
    .describe('Groups whose nodes are in this one as well; their own variables win over those of this group'),
})

/** What may stand in a group. */
export const GROUP_KEYS: readonly string[] = Object.keys(group.shape)

const groupName = text(
  'a group name: letters, digits, ".", "_" and "-"; not "all"',
  /^(?!all$)[A-Za-z0-9_][A-Za-z0-9._-]*$/,
)

export const inventorySchema = mapping({
  defaults: mapping(variables).optional().describe('Variables of all nodes; the weakest layer'),
  groups: z
    .record(groupName, group, { error: 'a mapping of group names to groups' })
    .optional()
    .describe(
      'Sets of nodes with variables; a group wins over those that it is a child of, and of two others the later one wins',
    ),
  hosts: z
    // An empty value is how a host without variables is written: `node01:`.
    .record(text('a name, or a range of names'), hostSchema.nullable(), {
      error: 'a mapping of names to their variables',
    })
    .optional()
    .describe('Single nodes and their variables, the strongest layer; a node need not be in a group'),
})

export type InventoryYaml = z.output<typeof inventorySchema>
export type HostYaml = z.output<typeof hostSchema>
export type VariablesYaml = Omit<HostYaml, 'address'>
