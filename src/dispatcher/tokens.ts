// The two secrets of a dispatcher, as files that only their owner can read. They are made once and then kept: a restarted
// dispatcher must accept the tokens that the nodes already have.
import { randomBytes } from 'node:crypto'
import { link, mkdir, open, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { FleetError, messageOf, Secret } from '../core/index.ts'

export interface TokenFiles {
  readonly operator: Secret
  readonly worker: Secret
  readonly operatorFile: string
  readonly workerFile: string
}

/** 32 random bytes as base64url (RFC 4648, section 5) have 43 characters. */
const TOKEN = /^[A-Za-z0-9_-]{43}$/

/** Reads `operator.token` and `worker.token` in `folder` (absolute), making what is missing. Safe to call from several processes at once. */
export async function loadTokens(folder: string): Promise<TokenFiles> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const operatorFile = join(folder, 'operator.token')
  const workerFile = join(folder, 'worker.token')
  return { operator: await loadToken(operatorFile), worker: await loadToken(workerFile), operatorFile, workerFile }
}

async function loadToken(file: string): Promise<Secret> {
  try {
    return (await readToken(file)) ?? (await makeToken(file))
  } catch (cause) {
    if (cause instanceof FleetError) throw cause
    throw new FleetError('FLEET_DISPATCHER_TOKEN_FILE', `expected a token file at ${file}, ${messageOf(cause)}`, {
      remedy: 'Check the owner and mode of the file and of its folder.',
      cause,
    })
  }
}

async function readToken(file: string): Promise<Secret | undefined> {
  let text: string
  try {
    text = (await readFile(file, 'utf8')).trim()
  } catch (thrown) {
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT') return undefined
    throw thrown
  }
  if (TOKEN.test(text)) return new Secret(text)
  throw new FleetError(
    'FLEET_DISPATCHER_TOKEN_FILE',
    `expected 43 characters of base64url in ${file}, found something else`,
    {
      remedy: `Remove ${file} and start the dispatcher again, then run fleet start: the nodes need the new token.`,
    },
  )
}

/** The file appears complete or not at all; whoever loses the race reads what the winner wrote. */
async function makeToken(file: string): Promise<Secret> {
  const draft = `${file}.${randomBytes(6).toString('hex')}`
  const handle = await open(draft, 'wx', 0o600)
  try {
    await handle.writeFile(`${randomBytes(32).toString('base64url')}\n`)
    await handle.sync()
    await link(draft, file)
  } catch (thrown) {
    if (!(thrown instanceof Error && 'code' in thrown && thrown.code === 'EEXIST')) throw thrown
  } finally {
    await handle.close()
    await rm(draft, { force: true })
  }
  const token = await readToken(file)
  if (token === undefined) throw new Error('it vanished while it was made')
  return token
}
