// A bit that flips behind everyone's back: size, time, mode and inode stay, so only hashing finds it.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { describeOnLab } from './describe-on-lab.ts'
import { runFleet, type FleetResult } from './fleet-command.ts'
import { startLab, type Lab } from './lab.ts'
import { must } from './node-changes.ts'
import { nodesOf } from './operator.ts'

describeOnLab('fleet check --deep', () => {
  let lab: Lab
  let folder: string
  const fleet = (...args: readonly string[]): Promise<FleetResult> =>
    runFleet(folder, [...args, '--known-hosts', lab.knownHostsFile, '-F', 'none'])
  const findings = (
    result: FleetResult,
    index: number,
  ): readonly { subject: string; message: string; remedy: string }[] =>
    nodesOf(result)[index]?.['findings'] as { subject: string; message: string; remedy: string }[]
  const push = async (content: string): Promise<void> => {
    await writeFile(join(folder, 'data'), content)
    const pushed = await fleet('push')
    expect(pushed.exitCode, pushed.stderr).toBe(0)
  }
  /** One bit of the first byte, by somebody who hides it. */
  const flip = (node: number, file: string): Promise<string> =>
    must(
      lab,
      node,
      `f=$(readlink -f /root/.fleet/photos/${file}) && touch -r "$f" /tmp/time && chmod u+w "$f" && printf X | dd of="$f" conv=notrunc 2>/dev/null && chmod u-w "$f" && touch -r /tmp/time "$f" && stat -c '%s %Y %a' "$f"`,
    )

  beforeAll(async () => {
    lab = await startLab({ nodes: 2 })
    folder = await mkdtemp(join(tmpdir(), 'fleet-deep-'))
    await writeFile(join(folder, 'inventory.yml'), lab.inventoryYml())
    await writeFile(
      join(folder, 'fleet.yml'),
      JSON.stringify({ job: 'photos', release: { files: ['data'] }, worker: { command: ['true'] } }),
    )
  }, 120_000)

  afterAll(async () => {
    await lab.dispose()
    await rm(folder, { recursive: true, force: true, maxRetries: 3 })
  }, 60_000)

  it('says nothing of a node where nothing was pushed, and hashes every tree where something was', async () => {
    expect(nodesOf(await fleet('check', '--deep', '--json'))[0]).toMatchObject({ hashed: [] })
    await push('Yes\n')
    await push('Yes, too\n')
    const checked = await fleet('check', '--deep', '--json')
    expect(nodesOf(checked)[0]).toMatchObject({
      hashed: [
        { kind: 'releases', role: 'current', bad: [], extra: [] },
        { kind: 'kit', role: 'current', bad: [], extra: [] },
        { kind: 'releases', role: 'previous', bad: [], extra: [] },
      ],
    })
    expect(findings(checked, 0).filter(({ subject }) => subject === 'release' || subject === 'kit')).toEqual([])
  })

  it('finds the bit that a plain check and a plain push do not, changes nothing, and names what mends it', async () => {
    const files = 'cd /root/.fleet/photos && find . ! -type d | sort | xargs ls -ldn --time-style=full-iso'
    await flip(1, 'current/data')
    await flip(1, 'kit/current/lib.sh')
    await flip(2, 'previous/data')
    const before = await must(lab, 1, files)
    for (const { subject } of findings(await fleet('check', '--json'), 0))
      expect(['release', 'kit']).not.toContain(subject)
    expect(nodesOf(await fleet('push', '--json'))).toMatchObject([{ outcome: 'unchanged' }, { outcome: 'unchanged' }])

    const checked = await fleet('check', '--deep', '--json')
    expect(checked.exitCode).toBe(4)
    const [release, kit, previous] = [
      findings(checked, 0).find(({ subject }) => subject === 'release'),
      findings(checked, 0).find(({ subject }) => subject === 'kit'),
      findings(checked, 1).find(({ subject }) => subject === 'release'),
    ]
    expect(release).toMatchObject({
      severity: 'error',
      remedy: expect.stringContaining('fleet push --verify') as string,
    })
    expect(release?.message).toMatch(/^the current one \([0-9a-f]{12}\) is damaged: 1 file is not as pushed: data$/)
    expect(kit?.message).toContain('lib.sh')
    expect(previous?.message).toMatch(/^the previous one/)
    expect(await must(lab, 1, files)).toBe(before)

    const mended = await fleet('push', '--verify')
    expect(mended.exitCode, mended.stderr).toBe(0)
    const after = await fleet('check', '--deep', '--json')
    expect(findings(after, 0).filter(({ subject }) => subject === 'release' || subject === 'kit')).toEqual([])
  })
})
