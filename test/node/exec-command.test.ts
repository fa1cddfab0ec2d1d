// The words of an operator as a command for nodes, given to a real sh.
import { spawnSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { commandLine, execCommand } from '../../src/node/index.ts'

const BAD = expect.objectContaining({ code: 'FLEET_NODE_BAD_ARGUMENT' }) as Error

/** Exit code and stdout, without the mark that node commands print first. */
function ran(...words: [string, ...string[]]): { code: number | null; stdout: string } {
  const { status, stdout } = spawnSync('/bin/sh', ['-c', commandLine(execCommand(words))], { encoding: 'utf8' })
  return { code: status, stdout: stdout.slice(stdout.indexOf('\n') + 1) }
}

describe('the words after --', () => {
  it('are a line for sh when there is one', () => {
    expect(ran('echo a | tr a b; exit 3')).toEqual({ code: 3, stdout: 'b\n' })
    expect(ran('echo a # and nothing more\necho b\n')).toEqual({ code: 0, stdout: 'a\nb\n' })
  })

  it('are a program and its arguments when there are several, and no shell sees those', () => {
    const words = ["it's", '$HOME', 'a  b', '*', '', '-n', 'ä\n\u{1f600}', '\\0101']
    expect(ran('printf', '<%s>', ...words)).toEqual({ code: 0, stdout: words.map((word) => `<${word}>`).join('') })
  })

  it('see no argument and no variable of ours', () => {
    expect(ran('echo "$#$1${base-none}"')).toEqual({ code: 0, stdout: '0none\n' })
  })

  it('are refused when they are empty, begin like an option, or were not UTF-8', () => {
    const refused: [string, ...string[]][] = [[''], [' \n'], ['', 'a'], ['-x', 'a'], ['a', 'b\uFFFD']]
    for (const words of refused) expect(() => execCommand(words), JSON.stringify(words)).toThrow(BAD)
  })

  it('are refused before anything is reached when no node could take them', () => {
    expect(() => commandLine(execCommand(['echo', 'x'.repeat(131_000)]))).toThrow(BAD)
    expect(() => commandLine(execCommand(['echo', 'a\0b']))).toThrow(BAD)
  })
})
