// Decides for one connection whether the server is the one we know, and records a new one when that was asked for. The
// record is written only after the server has proven that it holds the key (the key exchange is complete).
import type { FleetError } from '../core/index.ts'
import { hostKeyRefusal } from './host-key-error.ts'
import { createHostKeyRecorder } from './host-key-recorder.ts'
import { judgeHostKey, trustedKeyTypes } from './host-key-verdict.ts'
import { hostNames } from './host-name.ts'
import { createKnownHostsReader } from './known-hosts-file.ts'
import type { Target } from './transport.ts'

export interface KnownHostsOptions {
  /** Absolute paths, all are read; new keys go to the first. */
  readonly files: readonly string[]
  /** Record the key of a server that has none yet. A changed or revoked key is refused all the same. */
  readonly acceptNew: boolean
}

/** One server's keys as known before dialling. */
export interface HostTrust {
  /** Types of the keys we know, to be asked for first. */
  readonly keyTypes: readonly string[]
  /** Why `blob` cannot be trusted, or undefined when it can. */
  refusal(blob: Buffer): FleetError | undefined
  /** Records `blob` if it is new. To be called once the server has proven the key. Throws FLEET_SSH_KNOWN_HOSTS. */
  record(blob: Buffer): Promise<void>
}

export interface TrustStore {
  /** Throws FLEET_SSH_KNOWN_HOSTS when a file is there but cannot be read. */
  look(target: Target): Promise<HostTrust>
}

/** `general`: for what a target leaves open. */
export function createTrustStore(general: KnownHostsOptions): TrustStore {
  const reader = createKnownHostsReader()
  const recorder = createHostKeyRecorder(reader)
  return {
    look: async (target) => {
      const { files, acceptNew } = { ...general, ...target.hostKeys }
      const known = await reader.read(files)
      const names = hostNames(target)
      return {
        keyTypes: trustedKeyTypes(known, names),
        refusal: (blob) => hostKeyRefusal(target, blob, judgeHostKey(known, names, blob), acceptNew),
        record: async (blob) => {
          if (judgeHostKey(known, names, blob).kind === 'trusted') return
          await recorder.record({ target, blob, files, acceptNew })
        },
      }
    },
  }
}
