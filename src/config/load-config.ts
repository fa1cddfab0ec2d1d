// fleet.yml from disk to the frozen FleetConfig, or every reason why not.
import { dirname, resolve } from 'node:path'
import { parseDuration, parseJobName } from '../core/index.ts'
import { checkValue } from './check-value.ts'
import { deepFreeze } from './deep-freeze.ts'
import { parseListen } from './fields.ts'
import { fleetSchema, type FleetYaml } from './fleet-schema.ts'
import type { FleetConfig, SshTimeouts } from './model.ts'
import { invalidError } from './problem.ts'
import { readYamlFile } from './yaml-file.ts'

/** What the command line decides instead of fleet.yml. Checked where the flag is read. */
export interface ConfigOverrides {
  /** `--parallel`: 1 to 1000. */
  readonly parallel?: number
}

/**
 * Reads `file`, with all defaults applied and paths made absolute. Throws FLEET_CONFIG_NOT_FOUND, FLEET_CONFIG_UNREADABLE, or one
 * FLEET_CONFIG_INVALID with a line `FILE:LINE:COLUMN: expected ..., found ...` for every problem.
 */
export function loadConfig(file: string, overrides: ConfigOverrides = {}): FleetConfig {
  const yaml = readYamlFile(file, { what: 'the configuration of a job', remedy: 'fleet init' })
  const checked = checkValue(fleetSchema, yaml)
  if (checked.value === undefined) throw invalidError(checked.problems)
  return deepFreeze(toConfig(checked.value, resolve(file), overrides))
}

/** Every default of a fleet.yml, for a command that can do without one. `file` is where it would have been; the job is named `fleet`. */
export function configWithoutFile(file: string): FleetConfig {
  return deepFreeze(toConfig(fleetSchema.parse({ job: 'fleet', worker: { command: ['true'] } }), resolve(file), {}))
}

function toConfig(written: FleetYaml, file: string, overrides: ConfigOverrides): FleetConfig {
  const folder = dirname(file)
  const { release, worker, dispatcher, ssh } = written
  const [firstBackoff, longestBackoff] = dispatcher.backoff
  return {
    file,
    folder,
    job: parseJobName(written.job),
    hosts: resolve(folder, written.hosts),
    root: written.root,
    release: {
      files: release.files,
      keep: release.keep,
      check: release.check,
      checkTimeoutMs: parseDuration(String(release.check_timeout)),
      runtime: release.runtime,
    },
    worker: {
      kind: worker.kind,
      command: worker.command,
      slots: worker.slots,
      env: worker.env,
      secrets: worker.secrets,
      graceMs: parseDuration(String(worker.grace)),
      timeoutMs: parseDuration(String(worker.timeout)),
      keeper: worker.keeper,
    },
    dispatcher: {
      at: dispatcher.at,
      // The schema has refused what parseListen cannot read.
      listen: parseListen(dispatcher.listen) ?? { address: '0.0.0.0', port: 7070 },
      url: dispatcher.url,
      ledger: resolve(folder, dispatcher.ledger),
      leaseMs: parseDuration(String(dispatcher.lease)),
      failures: dispatcher.failures,
      crashes: dispatcher.crashes,
      backoffMs: [parseDuration(String(firstBackoff)), parseDuration(String(longestBackoff))],
    },
    ssh: {
      parallel: overrides.parallel ?? ssh.parallel,
      perEndpoint: ssh.per_endpoint,
      retries: ssh.retries,
      timeouts: toTimeouts(ssh.timeouts),
    },
    window: { deadline: written.window.deadline },
  }
}

function toTimeouts(written: FleetYaml['ssh']['timeouts']): SshTimeouts {
  const inMs = (duration: string | 0): number => parseDuration(String(duration))
  return {
    dnsMs: inMs(written.dns),
    connectMs: inMs(written.connect),
    bannerMs: inMs(written.banner),
    keyExchangeMs: inMs(written.key_exchange),
    authenticationMs: inMs(written.authentication),
    channelMs: inMs(written.channel),
    idleMs: inMs(written.idle),
  }
}
