// What runs on a node: the sh programs of the kit, and pure functions that render commands and files for them and parse
// what they print. Nothing here connects to anything.
export { commandLine, DROPBEAR_LINE_BYTES, quote, type NodeCommand } from './command.ts'
export { configureCommand } from './configure.ts'
export { execCommand } from './exec-command.ts'
export { renderDesired, type Desired } from './desired.ts'
export { factsCommand, probeCommand } from './facts/facts-command.ts'
export { parseFacts, type Limit, type NodeFacts } from './facts/node-facts.ts'
export { parseProbe, type ProbeOutcome } from './facts/probe.ts'
export { cronCommand, cronOutcome, keepCommand, statusCommand, type CronOutcome } from './kit-command.ts'
export { kitFiles, type KitFile } from './kit-files.ts'
export type { Claim, Holder } from './lock/claim.ts'
export { CLAIM_REFUSED, fenced } from './lock/fence.ts'
export {
  forceReleaseCommand,
  LOCK_REFUSED,
  lockStateCommand,
  releaseLockCommand,
  renewLockCommand,
  takeLockCommand,
  type LockRequest,
  type LockTaker,
} from './lock/commands.ts'
export {
  parseLockRefusal,
  parseLockState,
  type LockHolder,
  type LockRefusal,
  type LockState,
} from './lock/lock-state.ts'
export { createNoiseFilter, splitNoise, type NoiseFilter, type Printed } from './login-noise.ts'
export { parseStatus, type NodeStatus, type SlotState, type SlotStatus } from './node-status.ts'
export { inspectCommand, REQUIRED_TOOLS, type InspectionWish } from './release/inspect.ts'
export type { Inspection, KnownRelease, TreeKind, TreeState } from './release/inspection.ts'
export { parseInspection } from './release/parse-inspection.ts'
export { receiveCommand, type ReceiveOptions } from './release/receive.ts'
export { parsePruned, switchCommand, type SwitchOptions } from './release/switch.ts'
export { manifestCommand } from './release/tree-manifest.ts'
export { parseVerification, type Verification } from './release/verification.ts'
export { verifyCommand } from './release/verify.ts'
export {
  releaseCheckCommand,
  releaseCheckOutcome,
  type ReleaseCheck,
  type ReleaseCheckOutcome,
} from './release-check.ts'
export { renderWorkerFiles, type WorkerFile, type WorkerSettings } from './worker-files.ts'
export { lookCommand } from './uninstall/look-command.ts'
export {
  JOB_RUNS,
  parseKeepersRemoved,
  parseRemoved,
  removeCommand,
  removeKeepersCommand,
  type RemoveOptions,
} from './uninstall/remove-commands.ts'
export { parseTraces, type JobTraces } from './uninstall/traces.ts'
