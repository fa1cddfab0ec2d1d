// fleet init: a fleet.yml and an inventory.yml, commented, ready to edit. Never overwrites anything.
import { appendFile, mkdir, readFile, writeFile } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { fleetYmlTemplate, inventoryYmlTemplate, jsonSchema, SCHEMA_NAMES } from '../../config/index.ts'
import { FleetError, parseJobName, type JobName } from '../../core/index.ts'
import { outputOf, type CommonOptions } from '../context.ts'
import { ExitCode } from '../exit-code.ts'

export interface InitOptions extends CommonOptions {
  readonly job?: string
  /** Only the JSON Schemas. */
  readonly schemas?: boolean
}

export async function init(directory: string, options: InitOptions): Promise<ExitCode> {
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
  const files = { 'fleet.yml': fleetYmlTemplate(job), 'inventory.yml': inventoryYmlTemplate() }
  for (const [name, text] of Object.entries(files)) await create(join(folder, name), text)
  await writeSchemas(join(folder, '.fleet', 'schema'))
  await ignorePrivateFolder(join(folder, '.gitignore'))
  for (const name of Object.keys(files)) output.result(`wrote ${join(directory, name)}`)
  output.note('next: edit both, then fleet check, fleet push, fleet start, fleet ids add FILE, fleet status')
  output.json({ schema: 'fleet.init/1', job, files: Object.keys(files).map((name) => join(folder, name)) })
  return ExitCode.ok
}

/** The files say where their schemas are, so that an editor marks a mistake while it is made. Written again by each version that comes by. */
async function writeSchemas(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  for (const name of SCHEMA_NAMES)
    await writeFile(join(folder, `${name}.json`), `${JSON.stringify(jsonSchema(name), undefined, 2)}\n`)
}

async function create(file: string, text: string): Promise<void> {
  try {
    await writeFile(file, text, { flag: 'wx' })
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error) || error.code !== 'EEXIST') throw error
    throw new FleetError('FLEET_CLI_FILE_EXISTS', `${file} exists already; nothing was changed in it`, {
      remedy: 'edit it, or name another folder: fleet init DIR',
      cause: error,
    })
  }
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
