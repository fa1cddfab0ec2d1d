// What runs on a node: the sh programs of the kit, and pure functions that render commands and files for them and parse
// what they print. Nothing here connects to anything.
export { commandLine, quote, type NodeCommand } from './command.ts'
export { execCommand } from './exec-command.ts'
export { renderDesired, type Desired } from './desired.ts'
export { factsCommand, probeCommand } from './facts/facts-command.ts'
export { parseFacts, type Limit, type NodeFacts } from './facts/node-facts.ts'
export { parseProbe, type ProbeOutcome } from './facts/probe.ts'
export { cronCommand, cronOutcome, keepCommand, statusCommand, type CronOutcome } from './kit-command.ts'
export { kitFiles, type KitFile } from './kit-files.ts'
export { createNoiseFilter, splitNoise, type NoiseFilter, type Printed } from './login-noise.ts'
export { parseStatus, type NodeStatus, type SlotState, type SlotStatus } from './node-status.ts'
export {
  activateCommand,
  configureCommand,
  inspectCommand,
  parseInspection,
  receiveCommand,
  REQUIRED_TOOLS,
  type Inspection,
  type TreeKind,
  type WantedDigests,
} from './release/commands.ts'
export { renderWorkerFiles, type WorkerFile, type WorkerSettings } from './worker-files.ts'
