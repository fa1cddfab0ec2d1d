// The peers are Debian's packages. Those that are missing are installed when we may; a peer that cannot be had is a fact of the
// report and stops nobody.
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { BenchmarkOptions } from '../benchmark.ts'
import { ANSIBLE, CLUSH, DEBIAN_PYTHON, FABRIC, PARALLEL_SSH } from './contenders.ts'

const run = promisify(execFile)
const INSTALL_SH = `${import.meta.dirname}/install-peers.sh`

export interface Peer {
  readonly name: string
  readonly debianPackage: string
  /** Succeeds quickly when the peer is there. */
  readonly probe: readonly [string, ...string[]]
}

const EXEC_PEERS: readonly Peer[] = [
  { name: CLUSH, debianPackage: 'clustershell', probe: ['clush', '--version'] },
  { name: PARALLEL_SSH, debianPackage: 'pssh', probe: ['parallel-ssh', '--version'] },
  { name: ANSIBLE, debianPackage: 'ansible-core', probe: ['ansible', '--version'] },
  { name: FABRIC, debianPackage: 'fabric', probe: [DEBIAN_PYTHON, '-c', 'import fabric'] },
]

/** Why a peer is not there, by its name. Never throws for that reason; throws when the signal comes. */
export async function installPeers(
  { signal, say }: BenchmarkOptions,
  peers: readonly Peer[] = EXEC_PEERS,
): Promise<ReadonlyMap<string, string>> {
  const missing = await missingPeers(peers, signal)
  if (missing.length === 0) return new Map()
  const failure = await install(missing, signal, say)
  const still = await missingPeers(missing, signal)
  return new Map(
    still.map(({ name, debianPackage }) => [name, `the Debian package ${debianPackage} is missing: ${failure}`]),
  )
}

/** `name version` of the packages that the peers come from; empty where they come from elsewhere. */
export async function peerVersions(signal: AbortSignal, peers: readonly Peer[] = EXEC_PEERS): Promise<string> {
  const needed = peers === EXEC_PEERS ? ['python3-paramiko'] : []
  const packages = ['openssh-client', ...new Set(peers.map(({ debianPackage }) => debianPackage)), ...needed]
  try {
    const { stdout } = await run('dpkg-query', ['-W', '-f', '${Package} ${Version}\n', ...packages], { signal })
    return stdout.trim().split('\n').join(', ')
  } catch {
    signal.throwIfAborted()
    return ''
  }
}

async function missingPeers(peers: readonly Peer[], signal: AbortSignal): Promise<readonly Peer[]> {
  const missing: Peer[] = []
  for (const peer of peers) {
    const [program, ...args] = peer.probe
    const isThere = await run(program, args, { signal }).then(
      () => true,
      () => false,
    )
    signal.throwIfAborted()
    if (!isThere) missing.push(peer)
  }
  return missing
}

/** Why it may not have worked. */
async function install(missing: readonly Peer[], signal: AbortSignal, say: (line: string) => void): Promise<string> {
  if (process.getuid?.() !== 0) return 'only root can install packages'
  const packages = missing.map(({ debianPackage }) => debianPackage)
  say(`installing ${packages.join(', ')} with apt-get`)
  try {
    await run(INSTALL_SH, packages, { signal })
    return 'it was installed, and does not run'
  } catch (error) {
    signal.throwIfAborted()
    return lastLine(error)
  }
}

function lastLine(error: unknown): string {
  const said = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : ''
  if (said !== '') return said.slice(said.lastIndexOf('\n') + 1)
  return error instanceof Error ? error.message : String(error)
}
