// The names of things, as product vocabulary: job, node, slot, ID, instance, fence. Each is made only by its parse
// function, which refuses what could not be stored, put on a command line or used as a path segment where it must be.
import type { Brand } from './brand.ts'
import { FleetError } from './fleet-error.ts'

/** `[a-z0-9][a-z0-9-]{0,31}`: a directory name on every node, a cron tag, a metric label. */
export type JobName = Brand<string, 'JobName'>
/** The name of a machine in the inventory: 1 to 128 of `[A-Za-z0-9._:-]`, starting with a letter, digit or colon. */
export type NodeName = Brand<string, 'NodeName'>
/** `p01`..`p99`, `p100`..: the name of a numbered seat on a node. */
export type SlotName = Brand<string, 'SlotName'>
/** `node07/p01`: a slot's full name, unique in a job. */
export type FullSlotName = Brand<string, 'FullSlotName'>
/** The name of one unit of work: 1 to 255 bytes of UTF-8 without control characters. Hostile until proven otherwise. */
export type Id = Brand<string, 'Id'>
/** A random name that a worker process picks when it starts: 1 to 64 of `[A-Za-z0-9._-]`. */
export type InstanceName = Brand<string, 'InstanceName'>
/** An integer from 1 that rises with every lease granted by a ledger; the larger one is the valid one. */
export type Fence = Brand<number, 'Fence'>
/** The hex SHA-256 that names a release or a kit: 64 of `[0-9a-f]`. */
export type Digest = Brand<string, 'Digest'>

const MAX_ID_BYTES = 255
export const MAX_SLOTS = 9999

const JOB = /^[a-z0-9][a-z0-9-]{0,31}$/
const NODE = /^[A-Za-z0-9:][A-Za-z0-9._:-]{0,127}$/
const SLOT = /^p(?:0[1-9]|[1-9][0-9]{1,3})$/
const INSTANCE = /^[A-Za-z0-9._-]{1,64}$/
const DIGEST = /^[0-9a-f]{64}$/
// C0, DEL, C1 and the two Unicode line separators: none may reach a log line, a table or a tab-separated answer.
// eslint-disable-next-line no-control-regex
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/

export function parseJobName(text: string): JobName {
  if (!JOB.test(text)) throw badName('job name', 'matching [a-z0-9][a-z0-9-]{0,31}', text)
  return text as JobName
}

export function parseNodeName(text: string): NodeName {
  if (!NODE.test(text)) throw badName('node name', '1 to 128 letters, digits, ".", "_", ":" or "-"', text)
  return text as NodeName
}

export function parseSlotName(text: string): SlotName {
  if (!SLOT.test(text)) throw badName('slot', 'p01..p99, p100..p9999', text)
  return text as SlotName
}

/** `slot` is `<node>/<slot>`, for example `node07/p01`. */
export function parseFullSlotName(text: string): FullSlotName {
  const slash = text.indexOf('/')
  if (slash < 1) throw badName('slot', 'NODE/SLOT such as node07/p01', text)
  parseNodeName(text.slice(0, slash))
  parseSlotName(text.slice(slash + 1))
  return text as FullSlotName
}

export function parseInstanceName(text: string): InstanceName {
  if (!INSTANCE.test(text)) throw badName('instance', '1 to 64 letters, digits, ".", "_" or "-"', text)
  return text as InstanceName
}

export function parseDigest(text: string): Digest {
  if (!DIGEST.test(text)) throw badName('digest', '64 lowercase hexadecimal digits', text)
  return text as Digest
}

export function parseFence(value: number): Fence {
  if (!Number.isSafeInteger(value) || value < 1) throw badName('fence', 'an integer from 1', String(value))
  return value as Fence
}

/** Why `text` cannot be an ID, or undefined if it can. The single place that decides it. */
export function whyNotAnId(text: string): string | undefined {
  if (text === '') return 'an ID must not be empty'
  if (!text.isWellFormed()) return 'an ID must be valid UTF-8'
  if (Buffer.byteLength(text) > MAX_ID_BYTES)
    return `an ID has at most ${MAX_ID_BYTES} bytes, this one has ${Buffer.byteLength(text)}`
  if (CONTROL.test(text)) return 'an ID must not contain control characters'
  return undefined
}

export function parseId(text: string): Id {
  const reason = whyNotAnId(text)
  if (reason !== undefined)
    throw new FleetError('FLEET_CORE_BAD_NAME', `${reason}, got ${JSON.stringify(text.slice(0, 300))}`)
  return text as Id
}

/** Slot number n (1..9999) as its name; two digits at least, so that a name never changes when the number of slots does. */
export function slotName(number: number): SlotName {
  return parseSlotName(`p${String(number).padStart(2, '0')}`)
}

export function fullSlotName(node: NodeName, slot: SlotName): FullSlotName {
  return `${node}/${slot}` as FullSlotName
}

/** The node part of a full slot name. */
export function nodeOfSlot(slot: FullSlotName): NodeName {
  return slot.slice(0, slot.indexOf('/')) as NodeName
}

function badName(what: string, expected: string, found: string): FleetError {
  return new FleetError(
    'FLEET_CORE_BAD_NAME',
    `expected a ${what} ${expected}, got ${JSON.stringify(found.slice(0, 300))}`,
  )
}
