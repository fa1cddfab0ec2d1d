// The command line as its user meets it: help, mistakes, the first files, and the exit codes that scripts rely on.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createJobFolder, type JobFolder } from './job-folder.ts'
import { freePort } from '../support/free-port.ts'

let job: JobFolder

beforeEach(() => {
  job = createJobFolder()
})
afterEach(() => {
  job.remove()
})

const FLEET_YML = 'job: photos\nrelease: { files: [main.sh] }\nworker: { command: [./main.sh, "{id}"], slots: 3 }\n'

describe('fleet', () => {
  it('explains itself on stdout and ends with 0', async () => {
    const [help, version] = await Promise.all([job.fleet(['--help']), job.fleet(['--version'])])
    expect(help).toMatchObject({ code: 0, stderr: '' })
    for (const command of ['init', 'push', 'start', 'stop', 'status', 'ids', 'dispatcher', 'hosts', 'demo'])
      expect(help.stdout).toContain(`\n  ${command} `)
    expect(version).toMatchObject({ code: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) as string, stderr: '' })
  })

  it.each([
    ['an unknown command', ['pusj'], /Did you mean push/],
    ['an unknown option', ['push', '--parralel', '3'], /--parralel/],
    ['an option without its value', ['push', '--limit'], /argument missing/],
    ['a missing argument', ['ids', 'add'], /missing required argument/],
    ['a number that is none', ['status', '--parallel', '0'], /expected --parallel to be a whole number from 1/],
    [
      'a state that is none',
      ['ids', 'list', '--state', 'lost'],
      /expected --state to be one of pending, leased, done, parked/,
    ],
    ['IDs to retry that were not named', ['ids', 'retry'], /--all/],
  ])('ends with 2 for %s', async (_, args, said) => {
    job.write('fleet.yml', FLEET_YML)
    job.write('inventory.yml', 'hosts: { a: }\n')
    expect(await job.fleet(args)).toMatchObject({ code: 2, stdout: '', stderr: expect.stringMatching(said) as string })
  })

  it('ends with 2 where there is no fleet.yml, and says how to make one', async () => {
    expect(await job.fleet(['push'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('fleet init') as string,
    })
  })

  it('ends with 6 where no dispatcher was ever started, and where it is down', async () => {
    job.write('fleet.yml', `${FLEET_YML}dispatcher: { listen: "127.0.0.1:${await freePort()}" }\n`)
    expect(await job.fleet(['ids', 'list'])).toMatchObject({
      code: 6,
      stderr: expect.stringContaining('FLEET_CONTROL_NO_TOKEN') as string,
    })
    job.write('.fleet/operator.token', 'x'.repeat(43))
    expect(await job.fleet(['ids', 'list'])).toMatchObject({
      code: 6,
      stderr: expect.stringContaining('FLEET_PROTOCOL_UNREACHABLE') as string,
    })
  })
})

describe('fleet init', () => {
  it('writes a job that is ready to be understood, and keeps what is private out of git', async () => {
    expect(await job.fleet(['init', 'my job!'])).toMatchObject({
      code: 0,
      stdout: 'wrote my job!/fleet.yml\nwrote my job!/inventory.yml\n',
    })
    expect(readFileSync(join(job.folder, 'my job!/.gitignore'), 'utf8')).toBe('.fleet/\n')
    const hosts = await job.fleet(['hosts', '--json', '--config', 'my job!/fleet.yml'])
    expect(hosts).toMatchObject({ code: 0, stderr: '' })
    expect(JSON.parse(hosts.stdout)).toMatchObject({ schema: 'fleet.hosts/1' })
  })

  it('overwrites nothing', async () => {
    job.write('fleet.yml', 'mine')
    job.write('.gitignore', 'node_modules')
    expect(await job.fleet(['init'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('FLEET_CLI_FILE_EXISTS') as string,
    })
    expect(readFileSync(join(job.folder, 'fleet.yml'), 'utf8')).toBe('mine')
    expect(readFileSync(join(job.folder, '.gitignore'), 'utf8')).toBe('node_modules')
  })

  it('keeps an inventory that is there, and leaves nothing half done', async () => {
    job.write('inventory.yml', 'hosts: { a: }')
    const result = await job.fleet(['init', '--job', 'photos'])
    expect(result).toMatchObject({ code: 0, stdout: 'wrote fleet.yml\n' })
    expect(result.stderr).toContain('kept inventory.yml as it is')
    expect(readFileSync(join(job.folder, 'inventory.yml'), 'utf8')).toBe('hosts: { a: }')
  })

  it('says where it cannot write', async () => {
    job.write('file', '')
    expect(await job.fleet(['init', 'file'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('expected to write into the folder file: ') as string,
    })
  })

  it('adds to a .gitignore that is there, once', async () => {
    job.write('.gitignore', 'node_modules')
    expect(await job.fleet(['init', '--job', 'photos'])).toMatchObject({ code: 0 })
    expect(readFileSync(join(job.folder, '.gitignore'), 'utf8')).toBe('node_modules\n.fleet/\n')
  })
})

describe('a mistake in fleet.yml', () => {
  const broken = 'job: photos\nworker:\n  command: [./main.sh]\n  slotz: 3\n'

  it('is told with file, line, column and the nearest known key', async () => {
    job.write('fleet.yml', broken)
    const { code, stdout, stderr } = await job.fleet(['hosts'])
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toMatch(/fleet\.yml:4:3: .*"slotz"; did you mean "slots"\?/)
  })

  it('is one JSON document with --json', async () => {
    job.write('fleet.yml', broken)
    const { code, stdout } = await job.fleet(['hosts', '--json'])
    expect(code).toBe(2)
    expect(JSON.parse(stdout)).toMatchObject({
      schema: 'fleet.error/1',
      error: { code: 'FLEET_CONFIG_INVALID', message: expect.stringContaining('fleet.yml:4:3') as string },
    })
  })
})

describe('fleet hosts', () => {
  it('has the shape that other programs rely on', async () => {
    job.write('fleet.yml', FLEET_YML)
    job.write(
      'inventory.yml',
      'defaults: { user: deploy, port: 2222 }\ngroups: { web: { hosts: ["n[1:2]"], slots: 7 } }\nhosts: { solo: { address: 10.0.0.9 } }\n',
    )
    const { nodes, schema } = await job.json(['hosts'])
    expect(schema).toBe('fleet.hosts/1')
    expect(nodes).toMatchObject([
      {
        node: 'n1',
        address: 'n1',
        port: 2222,
        user: 'deploy',
        via: [],
        slots: 7,
        groups: ['web'],
        from: { port: expect.stringContaining('inventory.yml:1') as string },
      },
      { node: 'n2' },
      { node: 'solo', address: '10.0.0.9', port: 2222, slots: 3, groups: [] },
    ])
    expect(await job.json(['hosts', '--limit', 'web:!n1'])).toMatchObject({ nodes: [{ node: 'n2' }] })
    expect(await job.json(['hosts', '--hosts', 'x,y'])).toMatchObject({ nodes: [{ node: 'x' }, { node: 'y' }] })
  })
})

describe('fleet push --dry-run', () => {
  it('shows the files when it is asked to, and says whom it cannot reach', async () => {
    job.write('fleet.yml', FLEET_YML)
    job.write('inventory.yml', 'defaults: { user: deploy }\nhosts: { unreachable.invalid: }\n')
    job.write('main.sh', '#!/bin/sh\n', 0o755)
    expect(await job.fleet(['push', '--dry-run', '-v'])).toMatchObject({
      code: 4,
      stdout: '755       10 B  main.sh\n',
      stderr: expect.stringMatching(/failed unreachable\.invalid: [^]*FLEET_SSH_/) as string,
    })
    expect(await job.json(['push', '--dry-run'])).toMatchObject({
      schema: 'fleet.push/1',
      dry_run: true,
      files: [{ path: 'main.sh', mode: '755' }],
      nodes: [{ node: 'unreachable.invalid', ok: false }],
    })
  })

  it('ends with 2 when a file is not there', async () => {
    job.write('fleet.yml', FLEET_YML)
    job.write('inventory.yml', 'hosts: { a: }\n')
    expect(await job.fleet(['push', '--dry-run'])).toMatchObject({
      code: 2,
      stdout: '',
      stderr: expect.stringContaining('FLEET_RELEASE_UNREADABLE') as string,
    })
  })
})
