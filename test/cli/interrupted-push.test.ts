// Ctrl-C while nodes are dialled that never answer.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { startDemoNodes } from '../../src/demo/index.ts'
import { createJobFolder, FLEET, type JobFolder } from './job-folder.ts'

describe('an interrupted look at the nodes', () => {
  let job: JobFolder
  beforeEach(() => {
    job = createJobFolder()
  })
  afterEach(() => {
    job.remove()
  })

  it('ends at once, says that nothing was done, and ends with 130', async () => {
    // Takes connections, and never says a word.
    const sockets = new Set<{ destroy: () => void }>()
    const silent = createServer((socket) => sockets.add(socket)).listen(0, '127.0.0.1')
    await once(silent, 'listening')
    const address = silent.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    job.write('main.sh', '#!/bin/sh\n', 0o755)
    job.write(
      'fleet.yml',
      'job: photos\nrelease: { files: [main.sh] }\nworker: { kind: native, command: [./main.sh] }\n',
    )
    const nodes = await startDemoNodes(job.folder, 1)
    const known = readFileSync(nodes.inventoryFile, 'utf8')
    job.write('inventory.yml', `${known}  silent: { address: 127.0.0.1, port: ${port} }\n`)
    const child = spawn(FLEET, ['push', '--known-hosts', nodes.knownHostsFile], {
      cwd: job.folder,
      env: { ...process.env, HOME: job.folder },
    })
    let said = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text))
    const closed = once(child, 'close')
    await Promise.race([once(silent, 'connection'), closed])
    const startedMs = performance.now()
    child.kill('SIGINT')
    const [code] = (await closed) as [number | null]
    // Dialling would have gone on for 20 s, and then been repeated.
    expect(performance.now() - startedMs).toBeLessThan(12_000)
    expect(code, said).toBe(130)
    expect(said).toMatch(/interrupted\nas before: (?:node01,silent|silent,node01)\n/)
    expect(readdirSync(nodes.homes[0] ?? '')).toEqual([])
    for (const socket of sockets) socket.destroy()
    await nodes.close()
    silent.close()
  })
})
