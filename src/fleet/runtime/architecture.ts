// Which of the pinned Nodes a machine can run, by what it calls itself.
import { FleetError } from '../../core/index.ts'

export interface Architecture {
  /** As Node names it: the package is `node-linux-<name>`. */
  readonly name: 'x64' | 'arm64'
  /** What the kernel starts the pinned Node with. It belongs to glibc: musl has another one. */
  readonly interpreter: string
}

// The paths are those of the ELF header (readelf -l); the System V ABI supplements of both architectures fix them.
const X64: Architecture = { name: 'x64', interpreter: '/lib64/ld-linux-x86-64.so.2' }
const ARM64: Architecture = { name: 'arm64', interpreter: '/lib/ld-linux-aarch64.so.1' }

/** What `uname -m` says of a machine that runs one of them (Linux: x86_64 and aarch64; the others are what other tools say). */
const MACHINES: ReadonlyMap<string, Architecture> = new Map([
  ['x86_64', X64],
  ['amd64', X64],
  ['aarch64', ARM64],
  ['arm64', ARM64],
])

/** Interpreters of every pinned Node, to be asked for when a node is inspected. */
export const RUNTIME_PROGRAMS: readonly string[] = [X64.interpreter, ARM64.interpreter]

/** `machine` as `uname -m` prints it. Throws FLEET_RUNTIME_UNSUPPORTED. */
export function architectureOf(machine: string): Architecture {
  const architecture = MACHINES.get(machine)
  if (architecture !== undefined) return architecture
  throw new FleetError(
    'FLEET_RUNTIME_UNSUPPORTED',
    `expected a machine of x86_64 or aarch64, for which there is a pinned Node, found ${JSON.stringify(machine.slice(0, 64))}`,
    { remedy: 'install Node.js there yourself, and take release.runtime out of fleet.yml if all nodes have it' },
  )
}
