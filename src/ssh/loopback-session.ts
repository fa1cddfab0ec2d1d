// One command of a loopback node: a real shell behind a server channel, with sshd's manners. Its exit status is sent when it ends, the
// channel closes when its output has ended too, and it leads a process group that dies with the channel.
import type { Readable, Writable } from 'node:stream'
import type { ServerChannel } from 'ssh2'
import { spawnGroup, type ProcessGroup } from './process-group.ts'
import { loginName } from '../core/index.ts'

const GRACE_MS = 500

export interface LoopbackCommand {
  /** Without `SIG`. */
  signal(name: string): void
  /** TERM, then KILL. Settles when it has ended. */
  stop(): Promise<void>
  /** Never rejects. */
  readonly ended: Promise<void>
}

export function runLoopbackCommand(channel: ServerChannel, command: string, home: string): LoopbackCommand {
  const group = spawnGroup(command, { cwd: home, env: cleanEnvironment(home) })
  channel.on('error', () => undefined)
  channel.stderr.on('error', () => undefined)
  channel.pipe(group.child.stdin)
  // A command that stops reading must not stop the client from being heard.
  group.child.stdin.once('error', () => channel.resume())
  channel.once('close', () => {
    void group.stop(GRACE_MS)
  })
  const ended = relay(channel, group)
  return {
    signal: group.signal,
    stop: () => group.stop(GRACE_MS),
    ended,
  }
}

async function relay(channel: ServerChannel, group: ProcessGroup): Promise<void> {
  const { child } = group
  const write = createWriter(channel)
  const outputs = Promise.all([forward(child.stdout, channel, write), forward(child.stderr, channel.stderr, write)])
  try {
    const { exitCode, signal } = await group.ended
    if (exitCode !== undefined) channel.exit(exitCode)
    else channel.exit(signal ?? 'TERM')
    await outputs
  } catch {
    channel.exit(255)
  }
  channel.end()
}

/** Settles when the source has ended or was destroyed. */
async function forward(
  source: Readable,
  target: Writable,
  write: (target: Writable, chunk: Buffer) => Promise<void>,
): Promise<void> {
  try {
    for await (const chunk of source) if (Buffer.isBuffer(chunk)) await write(target, chunk)
  } catch {
    // Destroyed: the channel is gone.
  }
}

/**
 * Writes to the channel's stdout and stderr, one chunk at a time. ssh2's server remembers the chunk that waited for the window
 * even after it went out, and would send it again when the other stream waits; so only one stream may wait, and what was remembered is
 * forgotten after every write.
 */
function createWriter(channel: ServerChannel): (target: Writable, chunk: Buffer) => Promise<void> {
  let last: Promise<void> = Promise.resolve()
  return (target, chunk) => {
    last = last.then(
      () =>
        new Promise((resolve) => {
          if (!target.writable) {
            resolve()
            return
          }
          channel.once('close', resolve)
          target.write(chunk, () => {
            channel.off('close', resolve)
            Object.assign(channel, {
              _chunk: undefined,
              _chunkcb: undefined,
              _chunkErr: undefined,
              _chunkcbErr: undefined,
            })
            resolve()
          })
        }),
    )
    return last
  }
}

function cleanEnvironment(home: string): NodeJS.ProcessEnv {
  const username = loginName()
  return {
    HOME: home,
    USER: username,
    LOGNAME: username,
    SHELL: '/bin/sh',
    PATH: process.env['PATH'] ?? '/usr/local/bin:/usr/bin:/bin',
  }
}
