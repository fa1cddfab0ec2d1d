// Many nodes: push, start, stop, status, with bounded parallelism and one result per node.
export { checkNode, type CheckPlan, type NodeCheck } from './check/check-node.ts'
export { isDispatcherUp } from './check/dispatcher-up.ts'
export { type Finding } from './check/finding.ts'
export { bySeverity } from './check/findings.ts'
export {
  controlPaths,
  controlUrl,
  operatorClient,
  readToken,
  startDispatcherHere,
  stopDispatcherHere,
  urlForNode,
  type ControlPaths,
} from './control.ts'
export { execOnNode, isSuccess, outcomeLabel, type ExecOutcome, type OutputSink } from './exec.ts'
export { withConnection, type FleetNode } from './fleet-node.ts'
export { forEachNode, type NodeResult, type Progress } from './node-result.ts'
export { inspect, kitTree, pushToNode, releaseTree, type PushValue, type Tree } from './push.ts'
export { buildRelease, type Release } from './release/build.ts'
export { startNode, statusIfPresent, stopNode, type Keeper, type StartValue } from './start.ts'
export { joinStatus, type FleetStatus, type NodeRow, type NodeState } from './status.ts'
