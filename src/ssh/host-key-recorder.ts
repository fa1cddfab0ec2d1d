// Records new host keys. Many nodes are met at once, so what has gathered while one write was on its way to the disk goes
// there together in the next. What always holds: right before a write the files are judged again, so a name that another
// connection, or another process, has recorded meanwhile gains no second line and no second key.
import { FleetError, toFleetError } from '../core/index.ts'
import { hostKeyRefusal } from './host-key-error.ts'
import { judgeHostKey } from './host-key-verdict.ts'
import { hostNames, isRecordable } from './host-name.ts'
import { appendToKnownHosts, type KnownHostsReader } from './known-hosts-file.ts'
import { renderKnownHostsLine } from './known-hosts-line.ts'
import { withKnownHostsLock } from './known-hosts-lock.ts'
import type { Target } from './transport.ts'

export interface NewHostKey {
  readonly target: Target
  readonly blob: Buffer
  /** All are judged by; the first gets the line. */
  readonly files: readonly string[]
  readonly acceptNew: boolean
}

export interface HostKeyRecorder {
  /** Durable when it resolves; nothing is written for a key that is known by then. Throws FLEET_SSH_HOST_KEY_* and FLEET_SSH_KNOWN_HOSTS. */
  record(key: NewHostKey): Promise<void>
}

interface Waiting extends NewHostKey {
  readonly settle: (failure: FleetError | undefined) => void
}

/** More than a disk takes for a write; then it goes on without the lock. */
const LOCK_WAIT_MS = 5000

export function createHostKeyRecorder(reader: KnownHostsReader): HostKeyRecorder {
  const queues = new Map<string, Waiting[]>()

  const write = async (file: string, batch: readonly Waiting[]): Promise<void> => {
    const lines: string[] = []
    const accepted: Waiting[] = []
    for (const waiting of batch) {
      const { target, blob, files, acceptNew } = waiting
      try {
        const verdict = judgeHostKey(await reader.read(files), hostNames(target), blob)
        const refusal = hostKeyRefusal(target, blob, verdict, acceptNew)
        if (refusal !== undefined || verdict.kind === 'trusted') waiting.settle(refusal)
        else {
          lines.push(newLine(target, blob))
          accepted.push(waiting)
        }
      } catch (error) {
        waiting.settle(toFleetError(error))
      }
    }
    const failure = lines.length === 0 ? undefined : await failureOf(appendToKnownHosts(file, lines))
    for (const { settle } of accepted) settle(failure)
  }

  const drain = async (file: string, queue: Waiting[]): Promise<void> => {
    while (queue.length > 0) await withKnownHostsLock(file, LOCK_WAIT_MS, () => write(file, takeOnePerName(queue)))
    queues.delete(file)
  }

  return {
    record: (key) =>
      new Promise((resolve, reject) => {
        const [file] = key.files
        if (file === undefined) {
          reject(noFileError())
          return
        }
        const settle = (failure: FleetError | undefined): void => {
          if (failure === undefined) resolve()
          else reject(failure)
        }
        const queue = queues.get(file)
        if (queue !== undefined) {
          queue.push({ ...key, settle })
          return
        }
        const fresh = [{ ...key, settle }]
        queues.set(file, fresh)
        void drain(file, fresh)
      }),
  }
}

/** The others with the same name are judged in the next round, when the file speaks of it. */
function takeOnePerName(queue: Waiting[]): readonly Waiting[] {
  const groups = [...Map.groupBy(queue.splice(0), ({ target }) => hostNames(target).own).values()]
  queue.push(...groups.flatMap((group) => group.slice(1)))
  return groups.flatMap((group) => group.slice(0, 1))
}

function newLine(target: Target, blob: Buffer): string {
  const { own } = hostNames(target)
  if (isRecordable(own)) return renderKnownHostsLine(own, blob)
  throw new FleetError(
    'FLEET_SSH_KNOWN_HOSTS',
    `expected a host name or alias that known_hosts can hold for ${target.node}, got ${JSON.stringify(own)}`,
    { remedy: 'use a name without spaces and without any of * ? ! , | @ #' },
  )
}

function noFileError(): FleetError {
  return new FleetError('FLEET_SSH_KNOWN_HOSTS', 'expected a known_hosts file for new host keys, none is configured', {
    remedy: 'name one with --known-hosts, or with UserKnownHostsFile in ssh_config',
  })
}

async function failureOf(work: Promise<void>): Promise<FleetError | undefined> {
  try {
    await work
    return undefined
  } catch (error) {
    return toFleetError(error)
  }
}
