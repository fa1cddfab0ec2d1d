// What an ssh-agent holds (draft-ietf-sshm-ssh-agent, 3.5). ssh2's own listing silently leaves out the kinds of keys that it cannot
// use; here they stay visible, so that an error can name them. What always holds: the socket is closed when this returns.
import { connect } from 'node:net'

export interface ListedKey {
  readonly blob: Buffer
  readonly comment: string
}

const REQUEST_IDENTITIES = 11
const IDENTITIES_ANSWER = 12
const FAILURE = 5
/** OpenSSH's own bound for an agent's answer (authfd.c, MAX_AGENT_REPLY_LEN). */
const MAX_ANSWER_BYTES = 256 * 1024

/** Throws when the agent cannot be reached, does not answer within `timeoutMs`, or answers nonsense. */
export async function listAgentKeys(socketPath: string, timeoutMs: number): Promise<readonly ListedKey[]> {
  const answer = await ask(socketPath, timeoutMs)
  if (answer[0] === FAILURE) throw new Error('it refused to list its keys')
  if (answer[0] !== IDENTITIES_ANSWER) throw new Error('its answer is not a list of keys')
  return parseIdentities(answer)
}

function ask(socketPath: string, timeoutMs: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = connect(socketPath)
    const finish = (error: Error | undefined, answer = Buffer.alloc(0)): void => {
      clearTimeout(timer)
      socket.destroy()
      if (error === undefined) resolve(answer)
      else reject(error)
    }
    const timer = setTimeout(() => {
      finish(new Error(`no answer within ${timeoutMs} ms`))
    }, timeoutMs)
    let received = Buffer.alloc(0)
    socket.on('error', finish)
    socket.on('close', () => {
      finish(new Error('it closed the connection'))
    })
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk])
      if (received.length < 4) return
      const length = received.readUInt32BE(0)
      if (length === 0 || length > MAX_ANSWER_BYTES) finish(new Error(`its answer claims to have ${length} bytes`))
      else if (received.length >= 4 + length) finish(undefined, received.subarray(4, 4 + length))
    })
    socket.write(Buffer.from([0, 0, 0, 1, REQUEST_IDENTITIES]))
  })
}

/** Type, count, then blob and comment of each key. */
function parseIdentities(answer: Buffer): readonly ListedKey[] {
  let at = 5
  const field = (): Buffer => {
    const start = at + 4
    if (start > answer.length) throw new Error('its list of keys is cut short')
    at = start + answer.readUInt32BE(at)
    if (at > answer.length) throw new Error('its list of keys is cut short')
    return answer.subarray(start, at)
  }
  if (answer.length < at) throw new Error('its list of keys is cut short')
  const count = answer.readUInt32BE(1)
  const keys: ListedKey[] = []
  for (let index = 0; index < count; index += 1) {
    const blob = field()
    keys.push({ blob, comment: field().toString('utf8') })
  }
  return keys
}
