// fleet init: a fleet.yml and an inventory.yml, commented, ready to edit. Never overwrites anything.
import { appendFile, mkdir, readFile, writeFile } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { fleetYmlTemplate, inventoryYmlTemplate, jsonSchema, SCHEMA_NAMES } from '../../config/index.ts'
import { FleetError, parseJobName, type JobName } from '../../core/index.ts'
import { outputOf, type CommonOptions } from '../options.ts'
import { ExitCode } from '../exit-code.ts'

export interface InitOptions extends CommonOptions {
  readonly job?: string
  /** Only the JSON Schemas. */
  readonly schemas?: boolean
}

/** Throws FLEET_CLI_FILE_EXISTS when there is a fleet.yml, FLEET_CLI_BAD_FILE when the folder cannot be written. */
export async function init(directory: string, options: InitOptions): Promise<ExitCode> {
  try {
    return await writeJob(directory, options)
  } catch (error) {
    if (!(error instanceof Error) || !('syscall' in error)) throw error
    throw new FleetError('FLEET_CLI_BAD_FILE', `expected to write into the folder ${directory}: ${error.message}`, {
      remedy: 'name a folder that you may write to: fleet init DIR',
      cause: error,
    })
  }
}

async function writeJob(directory: string, options: InitOptions): Promise<ExitCode> {
  const folder = resolve(directory)
  const output = outputOf(options)
  await mkdir(folder, { recursive: true })
  if (options.schemas === true) {
    await writeSchemas(join(folder, '.fleet', 'schema'))
    output.result(`wrote ${join(directory, '.fleet', 'schema')}`)
    output.json({
      schema: 'fleet.init/1',
      files: SCHEMA_NAMES.map((name) => join(folder, '.fleet/schema', `${name}.json`)),
    })
    return ExitCode.ok
  }
  const job = options.job === undefined ? jobFromFolder(folder) : parseJobName(options.job)
  if (!(await create(join(folder, 'fleet.yml'), fleetYmlTemplate(job)))) throw existsAlready(join(folder, 'fleet.yml'))
  // Many have an inventory before they have a job.
  const hasInventory = !(await create(join(folder, 'inventory.yml'), inventoryYmlTemplate()))
  await writeSchemas(join(folder, '.fleet', 'schema'))
  await ignorePrivateFolder(join(folder, '.gitignore'))
  const names = ['fleet.yml', ...(hasInventory ? [] : ['inventory.yml'])]
  for (const name of names) output.result(`wrote ${join(directory, name)}`)
  if (hasInventory) output.note(`kept ${join(directory, 'inventory.yml')} as it is`)
  output.note('next: edit both, then fleet check, fleet push, fleet start, fleet ids add FILE, fleet status')
  output.json({ schema: 'fleet.init/1', job, files: names.map((name) => join(folder, name)) })
  return ExitCode.ok
}

/** The files say where their schemas are, so that an editor marks a mistake while it is made. Written again by each version that comes by. */
async function writeSchemas(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  for (const name of SCHEMA_NAMES)
    await writeFile(join(folder, `${name}.json`), `${JSON.stringify(jsonSchema(name), undefined, 2)}\n`)
}

/** False when the file is there already; it is not changed then. */
async function create(file: string, text: string): Promise<boolean> {
  try {
    await writeFile(file, text, { flag: 'wx' })
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false
    throw error
  }
}

function existsAlready(file: string): FleetError {
  return new FleetError('FLEET_CLI_FILE_EXISTS', `${file} exists already; nothing was changed`, {
    remedy: 'edit it, or name another folder: fleet init DIR',
  })
}

/** `.fleet/` holds tokens and the ledger: neither belongs into a repository. */
async function ignorePrivateFolder(file: string): Promise<void> {
  const text = await readFile(file, 'utf8').catch(() => '')
  if (text.split('\n').some((line) => line.trim() === '.fleet/')) return
  await appendFile(file, `${text === '' || text.endsWith('\n') ? '' : '\n'}.fleet/\n`)
}

function jobFromFolder(folder: string): JobName {
  const name = basename(folder)
    .toLowerCase()
    .replaceAll(/[^a-z0-9-]+/g, '-')
    .replace(/^-+/, '')
    .slice(0, 32)
  return parseJobName(name === '' ? 'job' : name)
}
