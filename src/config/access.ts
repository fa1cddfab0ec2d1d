// Every question about one server, answered: values of the inventory first, then those of ssh_config, then the built-in ones,
// each with its source.
import { join } from 'node:path'
import type { NodeName } from '../core/index.ts'
import type { Access } from './model.ts'
import type { Operator } from './operator.ts'
import type { Answer, SshAnswers } from './ssh-config/ssh-answers.ts'

export interface AccessOptions {
  readonly operator: Operator
  readonly knownHosts?: readonly string[]
  readonly acceptNew?: boolean
}

/** What is known of a server before ssh_config is asked. */
export interface Wanted {
  readonly name: NodeName
  readonly address: string
  readonly port: number | undefined
  readonly user: string | undefined
  readonly identities: readonly string[] | undefined
  readonly via: readonly string[] | undefined
  readonly from: Readonly<Record<string, string>>
}

export function accessOf(
  wanted: Wanted,
  answers: SshAnswers,
  { operator, knownHosts, acceptNew }: AccessOptions,
): { readonly access: Access; readonly from: Readonly<Record<string, string>> } {
  const from: Record<string, string> = {}
  const choose = <Value>(
    name: string,
    own: Value | undefined,
    answer: Answer<Value> | undefined,
    last: Value,
    lastFrom: string,
  ): Value => {
    if (own !== undefined) {
      from[name] = wanted.from[name] ?? 'inventory'
      return own
    }
    from[name] = answer?.from ?? lastFrom
    return answer === undefined ? last : answer.value
  }
  const files =
    knownHosts === undefined ? knownHostsOf(answers, operator) : { value: knownHosts, from: '--known-hosts' }
  const accepts = acceptNew === true ? { value: true, from: '--accept-new' } : answers.acceptNew
  from['knownHosts'] = files.from
  from['acceptNew'] = accepts?.from ?? 'built in'
  from['address'] = answers.hostName?.from ?? wanted.from['address'] ?? 'inventory'
  if (answers.hostKeyAlias !== undefined) from['hostKeyAlias'] = answers.hostKeyAlias.from
  if (answers.connectTimeoutMs !== undefined) from['connectTimeoutMs'] = answers.connectTimeoutMs.from
  const access: Access = {
    name: wanted.name,
    address: answers.hostName?.value ?? wanted.address,
    port: choose('port', wanted.port, answers.port, 22, 'built in'),
    user: choose('user', wanted.user, answers.user, operator.user, 'operator'),
    identities: choose('identities', wanted.identities, answers.identities, operator.identities, 'operator'),
    identitiesOnly: choose('identitiesOnly', undefined, answers.identitiesOnly, false, 'built in'),
    agent: agentOf(answers, operator, from),
    knownHosts: files.value,
    hostKeyAlias: answers.hostKeyAlias?.value,
    acceptNew: accepts?.value ?? false,
    connectTimeoutMs: answers.connectTimeoutMs?.value,
    notes: answers.notes,
  }
  return { access, from }
}

function agentOf({ agent }: SshAnswers, operator: Operator, from: Record<string, string>): string | undefined {
  from['agent'] = agent?.from ?? 'operator'
  return agent === undefined ? operator.agent : agent.value
}

/** New keys go to the first file, which must never be the one of the whole machine. */
function knownHostsOf({ userKnownHosts, globalKnownHosts }: SshAnswers, operator: Operator): Answer<readonly string[]> {
  const usual = ['known_hosts', 'known_hosts2'].map((name) => join(operator.home, '.ssh', name))
  const own = userKnownHosts?.value ?? usual
  const general = globalKnownHosts?.value ?? ['/etc/ssh/ssh_known_hosts', '/etc/ssh/ssh_known_hosts2']
  const from = [...new Set([userKnownHosts?.from ?? 'built in', globalKnownHosts?.from ?? 'built in'])]
  return { value: [...(own.length === 0 ? ['/dev/null'] : own), ...general], from: from.join(', ') }
}
