// The passphrases of key files, each asked for once in a run, however many nodes need the key.
import type { Secret } from '../core/index.ts'
import { askHidden } from './terminal/question.ts'
import { hasTerminal } from './terminal/silent-terminal.ts'

const asked = new Map<string, Promise<Secret>>()

/** Undefined where nobody can be asked. */
export function passphraseSource(): ((identity: string) => Promise<Secret>) | undefined {
  return hasTerminal() ? askPassphrase : undefined
}

function askPassphrase(identity: string): Promise<Secret> {
  const answer = asked.get(identity) ?? askHidden(`Passphrase for ${identity}`)
  asked.set(identity, answer)
  return answer
}
