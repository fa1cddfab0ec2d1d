// The same workers under runit's runsv, one supervisor for each.
import { chmod, copyFile, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Lab } from '../../test/lab/lab.ts'

/** Services p01, p02, ... on node 1; p01 runs `command runsv/p01`, and so on. `program`: runsv on this machine. */
export async function startRunsvServices(
  lab: Lab,
  program: string,
  names: readonly string[],
  command: string,
): Promise<void> {
  const here = join(lab.shared.here, 'runsv')
  const onNode = `${lab.shared.onNodes}/runsv`
  await mkdir(here)
  await copyFile(program, join(here, 'runsv'))
  await chmod(join(here, 'runsv'), 0o755)
  for (const name of names) {
    await mkdir(join(here, name))
    await writeFile(join(here, name, 'run'), `#!/bin/sh\nexec ${command} runsv/${name}\n`, { mode: 0o755 })
  }
  const start = `for name in ${names.join(' ')}; do setsid ${onNode}/runsv ${onNode}/$name </dev/null >/dev/null 2>&1 & done`
  const { exitCode, stderr } = await lab.run(1, start)
  if (exitCode !== 0) throw new Error(`expected runsv to start: ${stderr}`)
}
