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
export { holdConnections } from './holding-transport.ts'
export { describeHolder } from './lock/lock-error.ts'
export { lockStateOf, releaseLock, type LockRelease } from './lock/release-lock.ts'
export { withOperatorLock, type OperatorLock, type OperatorLockOptions } from './lock/operator-lock.ts'
export { forEachNode, type NodeResult, type Progress } from './node-result.ts'
export { inspect } from './push/inspect.ts'
export { createManifestCache, type ManifestCache } from './push/manifest-cache.ts'
export { type PlannedTree } from './push/plan-push.ts'
export { digestsOf, isUnchanged, pushToNode, type PushOptions, type PushValue } from './push/push-to-node.ts'
export { deliverWithResume, type Delivery } from './push/resume.ts'
export { spaceNeeded, spaceNeededAtMost } from './push/space.ts'
export { kitTree, releaseTree, type Tree, type Trees } from './push/tree.ts'
export { pushFleet, type PushedValue } from './push-fleet.ts'
export { planFor, surveyNodes, toChange, type Surveyed, type SurveyPlan } from './push-survey.ts'
export { buildRelease, type Release } from './release/build.ts'
export { cutBatches, parseBatches } from './roll-out/batches.ts'
export { type AfterPlan, type LookedAfter } from './roll-out/look-after.ts'
export { rollOut } from './roll-out/roll-out.ts'
export { parseMaxFail } from './roll-out/max-fail.ts'
export { lookAtReleases, rollBack, surveyRollback, type RollbackTarget, type RolledBack } from './rollback.ts'
export { labelOf, type Holdings } from './rollback-choice.ts'
export { startNode, statusIfPresent, stopNode, type Keeper, type StartValue } from './start.ts'
export { joinStatus, type FleetStatus, type NodeRow, type NodeState } from './status.ts'
export { insistOnNothingLeft, LeftoversError } from './leftovers.ts'
export { createRuntimes, type Runtimes } from './runtime/runtimes.ts'
export { isAbsent, lookForJob, stepsOf, uninstallNode, whyNotUninstall, type UninstallValue } from './uninstall.ts'
