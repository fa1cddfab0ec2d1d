// Which runs may be called dead: only those that certainly are.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { isDead, thisProcess } from '../../../src/fleet/lock/this-process.ts'

const own = thisProcess()
const [boot = '', place = '', pid = '', start = ''] = own.split(':')

it('is a name of boot, namespace, pid and start, and is alive', () => {
  expect(own).toMatch(/^[0-9a-f-]{36}:\d+:\d+:\d+$/)
  expect(pid).toBe(String(process.pid))
  expect(isDead(own)).toBe(false)
})

it('is dead when it has ended, and when its pid belongs to another process by now', async () => {
  const child = spawn('sleep', ['60'])
  await once(child, 'spawn')
  const stat = readFileSync(`/proc/${child.pid}/stat`, 'utf8')
  const name = `${boot}:${place}:${child.pid}:${stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]}`
  expect(isDead(name)).toBe(false)
  child.kill('SIGSTOP')
  expect(isDead(name)).toBe(false)
  child.kill('SIGKILL')
  await once(child, 'exit')
  expect(isDead(name)).toBe(true)
  expect(isDead(`${boot}:${place}:${pid}:${Number(start) + 1}`)).toBe(true)
})

it.each([
  ['nothing', ''],
  ['another boot', `11111111-2222-3333-4444-555555555555:${place}:999999:1`],
  ['another namespace of pids, as in a container', `${boot}:1:999999:1`],
  ['pid 0', `${boot}:${place}:0:1`],
  ['a negative pid', `${boot}:${place}:-1:1`],
  ['a number that is no pid', `${boot}:${place}:99999999999:1`],
  ['text', `${boot}:${place}:$(id):1`],
  ['two lines', `x\n${boot}:${place}:999999:1`],
])('is not called dead for %s', (_, name) => {
  expect(isDead(name)).toBe(false)
})
