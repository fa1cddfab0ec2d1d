// The vocabulary of the product. Nothing happens here.
export type { Brand } from './brand.ts'
export { systemClock, type Clock } from './clock.ts'
export { formatDuration, formatSize, parseDuration } from './duration.ts'
export { FleetError, messageOf, toFleetError, type FleetErrorCode, type FleetErrorOptions } from './fleet-error.ts'
export { hostAndPort } from './host-and-port.ts'
export { loginName } from './login-name.ts'
export {
  fullSlotName,
  MAX_SLOTS,
  nodeOfSlot,
  parseDigest,
  parseFence,
  parseFullSlotName,
  parseId,
  parseInstanceName,
  parseJobName,
  parseNodeName,
  parseSlotName,
  slotName,
  whyNotAnId,
  type Digest,
  type Fence,
  type FullSlotName,
  type Id,
  type InstanceName,
  type JobName,
  type NodeName,
  type SlotName,
} from './names.ts'
export { Secret } from './secret.ts'
