// Many nodes: push, start, stop, status, with bounded parallelism and one result per node.
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
export { withConnection, type FleetNode } from './fleet-node.ts'
export { forEachNode, type NodeResult, type Progress } from './node-result.ts'
export { inspect, kitTree, pushToNode, releaseTree, type PushValue, type Tree } from './push.ts'
export { buildRelease, type Release } from './release/build.ts'
export { startNode, statusIfPresent, stopNode, type Keeper, type StartValue } from './start.ts'
export { joinStatus, type FleetStatus, type NodeRow, type NodeState } from './status.ts'
