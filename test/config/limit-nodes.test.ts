import { describe, expect, it } from 'vitest'
import { limitNodes, loadInventory, type Inventory } from '../../src/config/index.ts'
import { scratchFile, thrownBy } from './scratch-folder.ts'

const TEXT = `
groups:
  hk: { hosts: ["hk[01:05]"] }
  sg: { hosts: ["sg[01:03]", gate] }
  big: { hosts: [hk01, sg01] }
  world: { children: [hk, sg] }
hosts:
  gate: { pool: false }
  "::1": {}
  other: {}
`
const inventory = (): Inventory =>
  loadInventory({
    file: scratchFile('inventory.yml', TEXT),
    operator: { user: 'me', home: '/home/me', identities: [], agent: undefined },
  })

describe('limitNodes', () => {
  it('knows groups without nodes, and says that they are empty', () => {
    const ansible = loadInventory({ file: scratchFile('hosts.ini', '[empty]\n[none]\n[web]\na\n') })
    expect(limitNodes(ansible, 'web,empty').nodes).toHaveLength(1)
    expect(limitNodes(ansible, 'all,!empty').nodes).toHaveLength(1)
    expect(thrownBy(() => limitNodes(ansible, 'empty')).message).toMatch(/found none: group empty has no nodes$/)
    expect(thrownBy(() => limitNodes(ansible, 'web:&empty,none')).message).toMatch(/groups empty, none have no nodes$/)
  })

  it.each([
    [undefined, 'hk01 hk02 hk03 hk04 hk05 sg01 sg02 sg03 ::1 other'],
    ['all', 'hk01 hk02 hk03 hk04 hk05 sg01 sg02 sg03 ::1 other'],
    ['*', 'hk01 hk02 hk03 hk04 hk05 sg01 sg02 sg03 ::1 other'],
    ['other,hk02', 'hk02 other'],
    ['other:hk02', 'hk02 other'],
    ['::1,hk01', 'hk01 ::1'],
    ['sg', 'sg01 sg02 sg03'],
    ['gate', 'gate'],
    ['[::1],hk01', 'hk01 ::1'],
    ['world:!big', 'hk02 hk03 hk04 hk05 sg02 sg03'],
    ['hk[01:05:2]', 'hk01 hk03 hk05'],
    ['sg,gate', 'sg01 sg02 sg03 gate'],
    ['hk0?:!hk[02:04]', 'hk01 hk05'],
    ['hk[02:03]', 'hk02 hk03'],
    ['hk:sg:&big', 'hk01 sg01'],
    ['hk:&big:!hk02', 'hk01'],
    ['!hk:!sg', '::1 other'],
    ['&big', 'hk01 sg01'],
    ['h*,b?g', 'hk01 hk02 hk03 hk04 hk05 sg01'],
    ['hk01,hk01', 'hk01'],
  ])('%s', (pattern, names) => {
    expect(limitNodes(inventory(), pattern).nodes.map(({ node }) => node)).toEqual(names.split(' '))
  })

  it('reads names from a file', () => {
    const file = scratchFile('list', '# slow ones\nsg03\n\nhk01 # first\nhk[04:05]\n')
    expect(limitNodes(inventory(), `@${file}`).nodes.map(({ node }) => node)).toEqual(['hk01', 'hk04', 'hk05', 'sg03'])
    expect(limitNodes(inventory(), `sg,!@${file}`).nodes.map(({ node }) => node)).toEqual(['sg01', 'sg02'])
  })

  it('takes files with a mark of byte order, CRLF, folded names and colons in their path, but no files in files', () => {
    const colon = scratchFile('a:b', 'sg\n')
    expect(limitNodes(inventory(), `@${colon},!sg02`).nodes.map(({ node }) => node)).toEqual(['sg01', 'sg03'])
    const list = scratchFile('list', '\uFEFF# hk\r\nhk[01-02],::1\r\n\r\nsg01 # x\r\n')
    expect(limitNodes(inventory(), `@${list}`).nodes.map(({ node }) => node)).toEqual(['hk01', 'hk02', 'sg01', '::1'])
    const inner = scratchFile('inner', `@${list}\n`)
    expect(thrownBy(() => limitNodes(inventory(), `@${inner}`)).code).toBe('FLEET_CONFIG_NO_MATCH')
  })

  it('tells of 100,000 unknown names in a few', () => {
    const list = scratchFile('list', Array.from({ length: 100_000 }, (_, index) => `x${index * 2}`).join('\n'))
    expect(thrownBy(() => limitNodes(inventory(), `@${list}`)).message.length).toBeLessThan(1500)
  })

  it.each([
    ['hk06', 'found hk06; near: hk[01-05]'],
    ['hk[04:07]', 'found hk[06-07]; near: hk[01-05]'],
    ['sgg,ohter,hk01', 'found sgg,ohter; near: sg,other'],
    ['zzzzzzzz*', 'found zzzzzzzz*; known: '],
  ])('refuses %s and shows near names', (pattern, message) => {
    const error = thrownBy(() => limitNodes(inventory(), pattern))
    expect(error.code).toBe('FLEET_CONFIG_NO_MATCH')
    expect(error.message).toContain(message)
  })

  it.each(['hk:&sg', 'hk,!hk', '', ' , ', '!all'])('refuses %j, which leaves nothing', (pattern) => {
    expect(thrownBy(() => limitNodes(inventory(), pattern)).code).toBe('FLEET_CONFIG_NO_MATCH')
  })

  it('is not slowed down by a hostile glob', () => {
    expect(thrownBy(() => limitNodes(inventory(), `${'*?'.repeat(2000)}x`)).code).toBe('FLEET_CONFIG_NO_MATCH')
  })

  it('returns a frozen inventory', () => {
    const limited = limitNodes(inventory(), 'hk')
    expect(Object.isFrozen(limited) && Object.isFrozen(limited.nodes)).toBe(true)
  })
})
