// The ssh_config of whoever runs fleet: read once, then asked for every node and hop. It decides what the inventory leaves open.
import { hostname } from 'node:os'
import { join, resolve } from 'node:path'
import type { Operator } from '../operator.ts'
import { readSshConfig, type SshConfigFile } from './read-files.ts'
import { answersFor, type SshAnswers } from './ssh-answers.ts'

export interface SshConfigBook {
  /** What the files say of `name`, which is what one would type after `ssh`; `given` are that command's options. */
  lookUp(name: string, given: { readonly user: string | undefined; readonly port: number | undefined }): SshAnswers
}

/** Where OpenSSH looks (ssh_config(5)). */
export function usualSshConfig(operator: Pick<Operator, 'home'>): readonly SshConfigFile[] {
  return [
    { file: join(operator.home, '.ssh', 'config'), whose: 'user', isPrivate: true },
    { file: '/etc/ssh/ssh_config', whose: 'system' },
  ]
}

/** What `--ssh-config FILE` means; `none`: no file at all. */
export function namedSshConfig(file: string): readonly SshConfigFile[] {
  return file === 'none' ? [] : [{ file: resolve(file), whose: 'user', isRequired: true }]
}

/** Throws FLEET_CONFIG_INVALID with every broken line, FLEET_CONFIG_UNREADABLE, FLEET_CONFIG_SSH_PERMISSIONS, FLEET_CONFIG_NOT_FOUND. */
export function openSshConfig(files: readonly SshConfigFile[], operator: Operator): SshConfigBook {
  const shown = (file: string): string =>
    file.startsWith(`${operator.home}/`) ? `~${file.slice(operator.home.length)}` : file
  const contents = readSshConfig(files, operator, shown)
  const machine = {
    user: operator.user,
    home: operator.home,
    agent: operator.agent,
    hostName: hostname(),
    uid: process.getuid?.() ?? 0,
    environment: process.env,
  }
  return { lookUp: (name, given) => answersFor(contents, name, given, machine) }
}
