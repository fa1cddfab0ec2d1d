// Reaching nodes. The only room that knows ssh2; everybody else sees Transport and Connection.
export { generateKeyPair, type KeyPair } from './key-pair.ts'
export { createLocalConnection } from './local-connection.ts'
export { startLoopbackNode, type LoopbackNode, type LoopbackNodeOptions } from './loopback-node.ts'
export { createSsh2Transport, type Ssh2TransportOptions } from './ssh2-transport.ts'
export type { Timers } from './timers.ts'
export type { Connection, ExecOptions, ExecResult, Target, Transport } from './transport.ts'
