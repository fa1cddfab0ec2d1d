// Does a release fit a node? Decided from what the release needs and what the node said of itself, before anything is sent.
import { FleetError } from '../../core/index.ts'
import { runsOn } from './machines.ts'
import type { ReleaseNeeds } from './needs.ts'

export interface NodeAbilities {
  /** What `uname -m` prints there; empty when it is not known. */
  readonly machine: string
  /** Of the programs in `needs`, those that the node lacks. */
  readonly missingPrograms: readonly string[]
}

/**
 * FLEET_RELEASE_WRONG_MACHINE or FLEET_RELEASE_NO_INTERPRETER with the files concerned, or undefined when nothing speaks against it. A release
 * may bring one program for several machines: a file is not wrong on this node if another whose path differs only in the name of a machine
 * or C library (`main-arm64`, `main-x86_64`) is right.
 */
export function refuseUnfit(needs: ReleaseNeeds, { machine, missingPrograms }: NodeAbilities): FleetError | undefined {
  const missing = new Set(missingPrograms)
  const foreign = needs.machines.filter((file) => !runsOn(file.machine, machine))
  const lacking = needs.programs.filter(({ program }) => missing.has(program))
  const unfit = new Set([...foreign, ...lacking].map(({ path }) => path))
  const covered = new Set(
    [...needs.machines, ...needs.programs].filter(({ path }) => !unfit.has(path)).map(({ path }) => familyOf(path)),
  )
  const isWrong = ({ path }: { path: string }): boolean => !covered.has(familyOf(path))
  return wrongMachine(foreign.filter(isWrong), machine) ?? noInterpreter(lacking.filter(isWrong))
}

/** Names of machines and C libraries as compilers, Go, Node.js and Debian write them. */
const VARIANT =
  /(?<![a-z0-9])(?:x86[_-]64|amd64|x64|i[3-6]86|ia32|x86|aarch64|arm64|armv[4-8][a-z]*|armhf|armel|arm|riscv64(?:gc)?|ppc64le|ppc64el|powerpc64le|powerpc64|ppc64|s390x|loong(?:arch)?64|mips64|mips|gnueabihf|musleabihf|gnu|glibc|musl)(?![a-z0-9])/gi

function familyOf(path: string): string {
  return path.replaceAll(VARIANT, '*')
}

function wrongMachine(files: ReleaseNeeds['machines'], uname: string): FleetError | undefined {
  const [first] = files
  if (first === undefined) return undefined
  const same = files.filter(({ machine }) => machine === first.machine)
  return new FleetError(
    'FLEET_RELEASE_WRONG_MACHINE',
    `${listed(same)} ${same.length === 1 ? 'is' : 'are'} built for ${first.machine}, the node is ${uname}`,
    { remedy: `build for ${uname}, or leave such nodes out: --limit` },
  )
}

function noInterpreter(files: ReleaseNeeds['programs']): FleetError | undefined {
  const [first] = files
  if (first === undefined) return undefined
  const same = files.filter(({ program }) => program === first.program)
  const isLoader = LOADER.test(first.program)
  return new FleetError(
    'FLEET_RELEASE_NO_INTERPRETER',
    `${listed(same)} ${same.length === 1 ? 'needs' : 'need'} ${isLoader ? 'the dynamic loader ' : ''}${first.program}, which the node lacks`,
    {
      remedy: isLoader
        ? 'link it statically or for the C library of the node (ld-musl is that of Alpine, ld-linux that of most others), or leave it out (.fleetignore)'
        : `install ${first.program} there, or leave out what needs it (.fleetignore)`,
    },
  )
}

/** `/lib64/ld-linux-x86-64.so.2`, `/lib/ld-musl-x86_64.so.1`, `/lib64/ld64.so.2`. */
const LOADER = /\/ld[^/]*\.so[^/]*$/

function listed(files: readonly { readonly path: string }[]): string {
  const shown = files.slice(0, 3).map(({ path }) => path)
  const rest = files.length - shown.length
  return rest > 0 ? `${shown.join(', ')} and ${rest} more` : shown.join(' and ')
}
