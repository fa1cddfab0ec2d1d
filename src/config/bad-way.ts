// Ways that lead nowhere, each with what to change.
import { FleetError, type NodeName } from '../core/index.ts'
import { quoted } from './problem.ts'
import type { Answer } from './ssh-config/ssh-answers.ts'

/** More than anybody has; a ProxyJump made with %h can name another hop for ever. */
export const MAX_HOPS = 16

export function circle(keys: readonly string[]): FleetError {
  const words = keys.map((key) => quoted(String((JSON.parse(key) as unknown[])[1]))).join(' through ')
  return new FleetError('FLEET_CONFIG_BAD_HOP', `expected hops that lead to an end, found a circle: ${words}`, {
    remedy:
      'exclude the hop from the Host block that holds ProxyJump (Host !bastion *), or give it "via: none" in the inventory',
  })
}

export function tooManyHops(word: string): FleetError {
  return new FleetError(
    'FLEET_CONFIG_BAD_HOP',
    `expected at most ${MAX_HOPS} hops, found more: the next is ${quoted(word)}`,
    {
      remedy: 'correct ProxyJump in ssh_config: a name made with %h can lead to another one without end',
    },
  )
}

export function proxyCommandError(name: NodeName, command: Answer<string>): FleetError {
  return new FleetError(
    'FLEET_CONFIG_SSH_UNSUPPORTED',
    `expected a way to ${name} that fleet can take, found a ProxyCommand at ${command.from}: ${quoted(command.value)}`,
    { remedy: 'use ProxyJump in ssh_config, or "via" in the inventory ("via: none" when it is reached directly)' },
  )
}
