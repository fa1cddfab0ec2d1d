// The service that hands out IDs: retry policy, tokens, HTTP, timers, metrics. docs/protocol.md is what it promises.
export { createRetryPolicy, type PolicyLimits } from './policy.ts'
export { startDispatcher, type Dispatcher, type DispatcherOptions } from './start-dispatcher.ts'
export { loadTokens, type TokenFiles } from './tokens.ts'
