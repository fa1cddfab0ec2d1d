// Servers that take only short command lines get the long commands packed, and the same comes of them.
import { spawnSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { parseDigest } from '../../src/core/index.ts'
import {
  commandLine,
  DROPBEAR_LINE_BYTES,
  receiveCommand,
  splitNoise,
  switchCommand,
  verifyCommand,
} from '../../src/node/index.ts'

const base = `/${'srv/'.repeat(20)}.fleet/photos`
const digest = parseDigest('a'.repeat(64))
const claim = { epoch: 3, token: 'x'.repeat(36) }

describe('a command line for Dropbear', () => {
  it.each([
    receiveCommand(base, 'runtimes', digest, { claim, compression: 'zstd', how: 'new', contentBytes: 1e9 }),
    switchCommand(base, { release: digest, kit: digest, runtime: digest, keep: 5, claim, thenRelease: true }),
    verifyCommand(base, 'releases', digest, claim),
  ])('is short enough for $name', (command) => {
    expect(commandLine(command, DROPBEAR_LINE_BYTES).length).toBeLessThanOrEqual(DROPBEAR_LINE_BYTES)
  })

  it('does what the long one does, with any bytes in its arguments', () => {
    const filler = Array.from({ length: 900 }, (_, index) => `# filler ${index}\n  : ${index * 7919}`).join('\n')
    const script = `${filler}\nprintf '%s\\n' "$@" '# no comment'`
    const command = { name: 'test', script, args: ['  # neither\n# this', Uint8Array.from([255, 10, 1, 39]), 'ä'] }
    const outputs = [commandLine(command), commandLine(command, DROPBEAR_LINE_BYTES)].map(
      (line) => splitNoise(spawnSync('sh', ['-c', line]).stdout.toString('latin1')).output,
    )
    expect(outputs[0]).toContain('# no comment')
    expect(outputs[1]).toBe(outputs[0])
  })

  it('that cannot be made short is refused', () => {
    const args = [Array.from({ length: 20_000 }, (_, index) => String((index * 48_271) % 2_147_483_647)).join(' ')]
    expect(() => commandLine({ name: 'test', script: ':', args }, DROPBEAR_LINE_BYTES)).toThrow(/at most 9000 bytes/)
  })
})
