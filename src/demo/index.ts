// What `fleet demo` is made of: users, a web server that holds them, nodes to work on, bad luck, and a verdict.
export { checkCopies, type Verdict } from './check.ts'
export { killWorker } from './kill-worker.ts'
export { startDemoNodes, type DemoNodes } from './nodes.ts'
export { removeFolder } from './remove-folder.ts'
export { startSourceServer, type SourceServer } from './source-server.ts'
export { createUsers } from './users.ts'
