// What a release needs of a node is read from its executable files, whatever bytes these are; a node that cannot run them is told apart.
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { buildRelease } from '../../src/fleet/index.ts'
import type { BytesAt } from '../../src/fleet/release/elf.ts'
import { refuseUnfit } from '../../src/fleet/release/fit.ts'
import { needsOfFile, type ReleaseNeeds } from '../../src/fleet/release/needs.ts'

interface ElfParts {
  readonly machine: number
  readonly is64?: boolean
  readonly isLittle?: boolean
  readonly loader?: string
  /** Where the loader's name lies in the file. */
  readonly at?: number
  readonly type?: number
  readonly abi?: number
}

function elf({ machine, is64 = true, isLittle = true, loader, at = 512, type = 3, abi = 0 }: ElfParts): Buffer {
  const bytes = Buffer.alloc(loader === undefined ? 256 : at + loader.length + 1)
  const put = (offset: number, size: number, value: number): void => {
    if (size === 8) bytes[isLittle ? 'writeBigUInt64LE' : 'writeBigUInt64BE'](BigInt(value), offset)
    else if (isLittle) bytes.writeUIntLE(value, offset, size)
    else bytes.writeUIntBE(value, offset, size)
  }
  const word = is64 ? 8 : 4
  bytes.set([0x7f, 0x45, 0x4c, 0x46, is64 ? 2 : 1, isLittle ? 1 : 2, 1, abi])
  put(16, 2, type)
  put(18, 2, machine)
  put(is64 ? 32 : 28, word, 64)
  put(is64 ? 54 : 42, 2, is64 ? 56 : 32)
  put(is64 ? 56 : 44, 2, 2)
  if (loader === undefined) return bytes
  const entry = 64 + (is64 ? 56 : 32)
  put(entry, 4, 3)
  put(entry + (is64 ? 8 : 4), word, at)
  put(entry + (is64 ? 32 : 16), word, loader.length + 1)
  bytes.write(loader, at)
  return bytes
}

const from =
  (content: string | Buffer): BytesAt =>
  (offset, length) =>
    Buffer.from(content).subarray(Math.min(offset, Number.MAX_SAFE_INTEGER), offset + length)
const needs = (content: string | Buffer, path = 'main'): { machine: unknown; programs: readonly string[] } =>
  needsOfFile(path, from(content))

describe('the machine of a program', () => {
  it.each([
    ['x86_64', { machine: 62, loader: '/lib64/ld-linux-x86-64.so.2' }],
    ['x86_64', { machine: 62, loader: '/lib/ld-musl-x86_64.so.1', at: 100_000 }],
    ['aarch64', { machine: 183, loader: '/lib/ld-linux-aarch64.so.1' }],
    ['arm', { machine: 40, is64: false, loader: '/lib/ld-linux-armhf.so.3' }],
    ['i386', { machine: 3, is64: false, loader: '/lib/ld-linux.so.2' }],
    ['s390x', { machine: 22, isLittle: false, loader: '/lib/ld64.so.1' }],
    ['ppc64le', { machine: 21, loader: '/lib64/ld64.so.2' }],
    ['mips', { machine: 8, is64: false, isLittle: false, loader: '/lib/ld.so.1' }],
    ['riscv64', { machine: 243, loader: '/lib/ld-linux-riscv64-lp64d.so.1' }],
  ] as const)('%s is known, and its loader is a program that it needs', (machine, parts) => {
    expect(needs(elf(parts))).toEqual({ machine, programs: [parts.loader] })
  })

  it('is known of static programs, which need nothing else', () => {
    expect(needs(elf({ machine: 62, type: 2 }))).toEqual({ machine: 'x86_64', programs: [] })
    expect(needs(elf({ machine: 183, type: 3, abi: 3 }))).toEqual({ machine: 'aarch64', programs: [] })
  })

  it.each([
    ['an unknown machine', 'main', elf({ machine: 9999 })],
    ['another system', 'main', elf({ machine: 62, abi: 9 })],
    ['x32', 'main', elf({ machine: 62, is64: false })],
    ['an object file', 'main', elf({ machine: 183, type: 1 })],
    ['a library', 'lib/libx.so.1.2', elf({ machine: 183 })],
    ['an addon', 'prebuilds/linux-arm64/x.node', elf({ machine: 183 })],
    ['no program at all', 'main', 'hello'],
    ['nothing', 'main', ''],
  ])('is not told for %s', (_, path, content) => {
    expect(needs(content, path)).toEqual({ machine: undefined, programs: [] })
  })

  it('is what this machine runs, in real programs', () => {
    const found = needs(readFileSync(process.execPath))
    expect(
      refuseUnfit({ machines: [{ path: 'node', machine: 'aarch64' }], programs: [] }, here('x86_64')),
    ).toBeDefined()
    expect([process.arch, found.machine]).toEqual([
      process.arch,
      { x64: 'x86_64', arm64: 'aarch64' }[process.arch as 'x64'],
    ])
    expect(found.programs[0]).toMatch(/^\/lib.*\/ld-/)
  })

  it('is never an error: any bytes, any offsets, cut anywhere', () => {
    const whole = elf({ machine: 62, loader: '/lib64/ld-linux-x86-64.so.2' })
    for (let length = 0; length <= whole.length; length += 1) needs(whole.subarray(0, length))
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 4, max: 180 }), fc.integer({ min: 0, max: 255 })), { maxLength: 20 }),
        (changes) => {
          const bytes = Buffer.from(whole)
          for (const [at, value] of changes) bytes[at] = value
          let asked = 0
          const found = needsOfFile('main', (offset, length) => {
            asked += length
            return from(bytes)(offset, length)
          })
          expect(asked).toBeLessThan(100_000)
          for (const program of found.programs) expect(program).toMatch(/^\//)
        },
      ),
    )
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => void needs(Buffer.from(bytes))))
  })
})

describe('the interpreter of a script', () => {
  it.each([
    ['#!/bin/sh\necho', ['/bin/sh']],
    ['#! \t/usr/bin/python3  -u \n', ['/usr/bin/python3']],
    ['#!/bin/sh', ['/bin/sh']],
    ['#!/usr/bin/env python3\n', ['/usr/bin/env', 'python3']],
    ['#!/usr/bin/env  python3 -u\n', ['/usr/bin/env', 'python3 -u']],
    ['#!/usr/bin/env -S python3 -u\n', ['/usr/bin/env', 'python3']],
    ['#!/usr/bin/env -Sdeno run --allow-net\n', ['/usr/bin/env', 'deno']],
    ['#!/usr/bin/env -vS -i -u HOME A=b /opt/x/perl -w\n', ['/usr/bin/env', '/opt/x/perl']],
    ['#!/usr/bin/env --split-string=node --no-warnings\n', ['/usr/bin/env', 'node']],
    ['#!/usr/bin/env -S "a b"\n', ['/usr/bin/env']],
    ['#!/usr/bin/env -S PATH=/opt/bin x\n', ['/usr/bin/env']],
    ['#!/usr/bin/env ./main\n', ['/usr/bin/env']],
    ['#!/usr/bin/env\n', ['/usr/bin/env']],
    ['#!./node bin.js\n', []],
    ['#!bin/node\n', []],
    ['#!python3\n', []],
    ['#!\n/bin/sh', []],
    ['#!', []],
    ['# !/bin/sh\n', []],
    [`#!/${'x'.repeat(300)}\n`, []],
    [`#!/bin/sh ${'x'.repeat(300)}\n`, ['/bin/sh']],
    ['#!/bin/sh\0/x\n', ['/bin/sh']],
  ])('%j', (content, programs) => {
    expect(needs(content)).toEqual({ machine: undefined, programs })
  })
})

describe('the needs of a release', () => {
  it('are those of its executable files, by path', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'fleet-needs-'))
    try {
      const put = (name: string, content: string | Buffer, mode: number): void => {
        writeFileSync(join(folder, name), content)
        chmodSync(join(folder, name), mode)
      }
      put('run', '#!/usr/bin/env python3\n', 0o755)
      put('main', elf({ machine: 183, loader: '/lib/ld-linux-aarch64.so.1', at: 3_000_000 }), 0o755)
      put('sourced.sh', '#!/bin/nonesuch\n', 0o644)
      const items = ['run', 'main', 'sourced.sh']
      expect((await buildRelease(folder, items)).needs).toEqual({
        machines: [{ path: 'main', machine: 'aarch64' }],
        programs: [
          { program: '/lib/ld-linux-aarch64.so.1', path: 'main' },
          { program: '/usr/bin/env', path: 'run' },
          { program: 'python3', path: 'run' },
        ],
      })
      put('dos', '#!/bin/sh\r\necho\r\n', 0o755)
      await expect(buildRelease(folder, [...items, 'dos'])).rejects.toMatchObject({
        code: 'FLEET_RELEASE_BAD_FILE',
        message: `${join(folder, 'dos')} asks for an interpreter named "/bin/sh\\r"`,
        remedy: expect.stringContaining('Windows') as string,
      })
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})

const here = (machine: string, ...missingPrograms: string[]): Parameters<typeof refuseUnfit>[1] => ({
  machine,
  missingPrograms,
})
const built = (files: Readonly<Record<string, ReleaseNeeds['machines'][number]['machine']>>): ReleaseNeeds => ({
  machines: Object.entries(files).map(([path, machine]) => ({ path, machine })),
  programs: [],
})

describe('refuseUnfit', () => {
  it.each([
    ['x86_64', 'x86_64', true],
    ['x86_64', 'amd64', true],
    ['x86_64', 'i686', false],
    ['x86_64', 'aarch64', false],
    ['i386', 'x86_64', true],
    ['i386', 'i586', true],
    ['aarch64', 'aarch64', true],
    ['aarch64', 'x86_64', false],
    ['aarch64', 'armv7l', false],
    ['aarch64', 'armv8l', true],
    ['arm', 'aarch64', true],
    ['arm', 'armv6l', true],
    ['arm', 'x86_64', false],
    ['ppc64', 'ppc64le', false],
    ['x86_64', 'sparc64', true],
    ['x86_64', '', true],
  ] as const)('%s on %s', (machine, uname, isFit) => {
    expect(refuseUnfit(built({ main: machine }), here(uname)) === undefined).toBe(isFit)
  })

  it('names the files, their machine and that of the node', () => {
    expect(refuseUnfit(built({ main: 'aarch64' }), here('x86_64'))).toMatchObject({
      code: 'FLEET_RELEASE_WRONG_MACHINE',
      message: 'main is built for aarch64, the node is x86_64',
      remedy: 'build for x86_64, or leave such nodes out: --limit',
      retryable: false,
    })
    const many = built({ a: 'arm', b: 'aarch64', c: 'arm', d: 'arm', e: 'arm' })
    expect(refuseUnfit(many, here('x86_64'))?.message).toBe('a, c, d and 1 more are built for arm, the node is x86_64')
  })

  it('refuses one wrong program among right ones', () => {
    expect(refuseUnfit(built({ main: 'x86_64', tool: 'aarch64' }), here('x86_64'))?.message).toMatch(/^tool is built/)
  })

  it('takes a release that brings each program for several machines', () => {
    const release = built({ 'bin/main-amd64': 'x86_64', 'bin/main-arm64': 'aarch64', 'bin/main-armv7': 'arm' })
    for (const uname of ['x86_64', 'aarch64', 'armv7l']) expect(refuseUnfit(release, here(uname))).toBeUndefined()
    expect(refuseUnfit(release, here('riscv64'))).toMatchObject({ code: 'FLEET_RELEASE_WRONG_MACHINE' })
    expect(refuseUnfit(built({ 'main-arm64': 'aarch64', other: 'x86_64' }), here('x86_64'))).toBeDefined()
  })

  it('names what is missing and who needs it', () => {
    const programs = [
      { program: '/lib64/ld-linux-x86-64.so.2', path: 'main' },
      { program: 'python3', path: 'run' },
      { program: 'python3', path: 'tools/x' },
    ]
    const release = { ...built({ main: 'x86_64' }), programs }
    expect(refuseUnfit(release, here('x86_64', 'perl'))).toBeUndefined()
    expect(refuseUnfit(release, here('x86_64', 'python3'))).toMatchObject({
      code: 'FLEET_RELEASE_NO_INTERPRETER',
      message: 'run and tools/x need python3, which the node lacks',
    })
    expect(refuseUnfit(release, here('x86_64', 'python3', '/lib64/ld-linux-x86-64.so.2'))).toMatchObject({
      message: 'main needs the dynamic loader /lib64/ld-linux-x86-64.so.2, which the node lacks',
      remedy: expect.stringContaining('statically') as string,
    })
  })

  it('does not ask for the loader of a machine that another file of the release stands in for', () => {
    const release = {
      ...built({ 'x64-musl/main': 'x86_64', 'x64-gnu/main': 'x86_64', 'arm64-gnu/main': 'aarch64' }),
      programs: [
        { program: '/lib/ld-musl-x86_64.so.1', path: 'x64-musl/main' },
        { program: '/lib64/ld-linux-x86-64.so.2', path: 'x64-gnu/main' },
        { program: '/lib/ld-linux-aarch64.so.1', path: 'arm64-gnu/main' },
      ],
    }
    expect(
      refuseUnfit(release, here('x86_64', '/lib/ld-musl-x86_64.so.1', '/lib/ld-linux-aarch64.so.1')),
    ).toBeUndefined()
  })

  it('says the machine before the loader, which is missing because of it', () => {
    const release = { ...built({ main: 'arm' }), programs: [{ program: '/lib/ld-linux-armhf.so.3', path: 'main' }] }
    expect(refuseUnfit(release, here('x86_64', '/lib/ld-linux-armhf.so.3'))?.code).toBe('FLEET_RELEASE_WRONG_MACHINE')
    expect(refuseUnfit(release, here('aarch64', '/lib/ld-linux-armhf.so.3'))?.code).toBe('FLEET_RELEASE_NO_INTERPRETER')
  })
})
