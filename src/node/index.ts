// What runs on a node: the sh programs of the kit, and pure functions that render commands and files for them and parse
// what they print. Nothing here connects to anything.
export { commandLine, quote, type NodeCommand } from './command.ts'
export { renderDesired, type Desired } from './desired.ts'
export { cronCommand, cronOutcome, keepCommand, statusCommand, type CronOutcome } from './kit-command.ts'
export { kitFiles, type KitFile } from './kit-files.ts'
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
