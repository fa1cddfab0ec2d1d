// Machines: what an ELF file says it is for, what `uname -m` says a node is, and which of the two go together.

/** As `uname -m` names it; `arm` and `i386` stand for all of theirs. */
export type Machine =
  'x86_64' | 'i386' | 'aarch64' | 'arm' | 'riscv64' | 'ppc64le' | 'ppc64' | 's390x' | 'loongarch64' | 'mips' | 'mips64'

/** e_machine of elf(5), with class and byte order as KIND names them (elf.h of Linux). */
const BY_ELF: Readonly<Record<string, Machine>> = {
  '62 64 little': 'x86_64',
  '3 32 little': 'i386',
  '183 64 little': 'aarch64',
  '40 32 little': 'arm',
  '243 64 little': 'riscv64',
  '21 64 little': 'ppc64le',
  '21 64 big': 'ppc64',
  '22 64 big': 's390x',
  '258 64 little': 'loongarch64',
  '8 32 big': 'mips',
  '8 32 little': 'mips',
  '8 64 big': 'mips64',
  '8 64 little': 'mips64',
}

/** Undefined for machines that fleet does not know, x32 and the like among them. */
export function machineName(elfMachine: number, is64: boolean, isLittle: boolean): Machine | undefined {
  return BY_ELF[`${elfMachine} ${is64 ? 64 : 32} ${isLittle ? 'little' : 'big'}`]
}

/** What a kernel of each kind runs, given the libraries: 64-bit kernels also run programs of their 32-bit ancestor. */
const RUNS: readonly (readonly [uname: RegExp, machines: readonly Machine[]])[] = [
  [/^(x86_64|amd64)$/, ['x86_64', 'i386']],
  [/^(i[3-6]86|x86)$/, ['i386']],
  [/^(aarch64|arm64)$/, ['aarch64', 'arm']],
  // A 64-bit kernel calls itself so when it is asked by a 32-bit program (setarch(8)).
  [/^armv8/, ['aarch64', 'arm']],
  [/^armv[4-7]/, ['arm']],
  [/^riscv64$/, ['riscv64']],
  [/^ppc64le$/, ['ppc64le']],
  [/^ppc64$/, ['ppc64']],
  [/^s390x$/, ['s390x']],
  [/^loongarch64$/, ['loongarch64']],
  [/^mips64$/, ['mips64', 'mips']],
  [/^mips$/, ['mips']],
]

/** `uname`: what `uname -m` printed. True for a node that fleet does not know: what is unknown is not refused. */
export function runsOn(machine: Machine, uname: string): boolean {
  const known = RUNS.find(([name]) => name.test(uname))
  return known === undefined || known[1].includes(machine)
}
