// Slots on a node as `fleet push` and `fleet start` would leave them, by the real kit, without a dispatcher: the worker is `native`.
import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseJobName, parseNodeName, Secret } from '../../src/core/index.ts'
import { kitFiles, renderDesired, renderWorkerFiles } from '../../src/node/index.ts'
import type { Lab } from '../../test/lab/lab.ts'

/** Slots p01, p02, ... of node 1; slot p01 runs `command` with the further argument `ours/p01`, and so on. */
export async function startFleetSlots(lab: Lab, slots: number, command: string): Promise<void> {
  const here = join(lab.shared.here, 'fleet')
  const onNode = `${lab.shared.onNodes}/fleet`
  await mkdir(join(here, 'kit', 'k1'), { recursive: true })
  for (const { name, content } of kitFiles()) await writeFile(join(here, 'kit', 'k1', name), content)
  await symlink('k1', join(here, 'kit', 'current'))
  await mkdir(join(here, 'releases', 'r1'), { recursive: true })
  await symlink('releases/r1', join(here, 'current'))
  await mkdir(join(here, 'etc'))
  const files = renderWorkerFiles({
    job: parseJobName('bench'),
    node: parseNodeName('node01'),
    kind: 'native',
    command: [command, 'ours/{slot}'],
    env: {},
    secrets: {},
    graceMs: 1000,
    timeoutMs: 0,
    url: 'http://127.0.0.1:9',
    token: new Secret(''),
  })
  for (const { path, mode, content } of files) await writeFile(join(here, path), content, { mode })
  await writeFile(join(here, 'etc', 'desired'), renderDesired({ state: 'up', mode: 'drain', slots, generation: 1 }))
  const { exitCode, stderr } = await lab.run(1, `sh ${onNode}/kit/current/keep.sh ${onNode}`)
  if (exitCode !== 0) throw new Error(`expected keep.sh to start the slots: ${stderr}`)
}
