// fleet ids: the ledger from the operator's side.
import { open } from 'node:fs/promises'
import { resolve } from 'node:path'
import { loadConfig } from '../../config/index.ts'
import { FleetError, messageOf, parseId } from '../../core/index.ts'
import { operatorClient, readToken } from '../../fleet/index.ts'
import { createClient, type Client, type DispatcherStatus } from '../../protocol/index.ts'
import { outputOf, parseCount, type CommonOptions } from '../options.ts'
import { ExitCode } from '../exit-code.ts'
import type { Output } from '../output/output.ts'
import { count, table } from '../output/table.ts'

export interface LedgerOptions extends CommonOptions {
  readonly url?: string
  readonly tokenFile?: string
}

/** Streams a file, or stdin for `-`. The same file again adds nothing. Exit 1 when lines were refused. */
export async function addIds(file: string, options: LedgerOptions): Promise<ExitCode> {
  return withClient(options, async (client, output) => {
    const before = await client.status()
    const answer = await client.importIds(await openInput(file), {
      onProgress: (sentBytes) => {
        if (output.isInteractive) process.stderr.write(`\rsent ${count(sentBytes)} bytes`)
      },
    })
    if (output.isInteractive) process.stderr.write('\r\u001b[K')
    output.result(
      `${count(answer.added)} added, ${count(answer.duplicates)} already there, ${count(answer.rejected_count)} refused`,
    )
    for (const { line, reason } of answer.rejected) output.note(`${file}:${line}: ${reason}`)
    if (answer.added > 0) noteFinished(output, before)
    output.json({ schema: 'fleet.ids.add/1', ...answer })
    return answer.rejected_count === 0 ? ExitCode.ok : ExitCode.unexpected
  })
}

export async function showId(id: string, options: LedgerOptions): Promise<ExitCode> {
  return withClient(options, async (client, output) => {
    const record = await client.show(parseId(id))
    output.result(
      `${record.id}  ${record.state}  fence ${record.fence}  ${record.failures} failures  ${record.crashes} crashes`,
    )
    const rows = record.attempts.map((attempt) => [
      String(attempt.fence),
      attempt.slot,
      attempt.started,
      attempt.ended ?? '',
      attempt.outcome ?? 'running',
      attempt.class ?? '',
      attempt.message ?? '',
    ])
    const columns = ['FENCE', 'SLOT', 'STARTED', 'ENDED', 'OUTCOME', 'CLASS', 'MESSAGE'].map((title) => ({ title }))
    if (rows.length > 0) for (const line of table(columns, rows)) output.result(line.replaceAll('\n', ' '))
    output.json({ schema: 'fleet.ids.show/1', ...record })
    return ExitCode.ok
  })
}

export interface ListOptions extends LedgerOptions {
  readonly state?: string
  readonly after?: string
  readonly limitIds?: string
}

const STATES = ['pending', 'leased', 'done', 'parked'] as const

export async function listIds(options: ListOptions): Promise<ExitCode> {
  const state = STATES.find((name) => name === options.state)
  if (options.state !== undefined && state === undefined) {
    throw new FleetError(
      'FLEET_CLI_BAD_OPTION',
      `expected --state to be one of ${STATES.join(', ')}, got ${JSON.stringify(options.state)}`,
    )
  }
  return withClient(options, async (client, output) => {
    const limit = parseCount('--limit-ids', options.limitIds) ?? 1000
    const records = await client.list({
      limit,
      ...(state === undefined ? {} : { state }),
      ...(options.after === undefined ? {} : { after: parseId(options.after) }),
    })
    for (const record of records) output.result(`${record.state}\t${record.failures}\t${record.crashes}\t${record.id}`)
    if (records.length === limit) output.note(`there may be more: --after ${JSON.stringify(records.at(-1)?.id ?? '')}`)
    output.json({ schema: 'fleet.ids.list/1', ids: records })
    return ExitCode.ok
  })
}

export interface RetryOptions extends LedgerOptions {
  readonly all?: boolean
}

export async function retryIds(ids: readonly string[], options: RetryOptions): Promise<ExitCode> {
  if (ids.length === 0 && options.all !== true) {
    throw new FleetError('FLEET_CLI_BAD_OPTION', 'expected IDs, or --all for every parked ID', {
      remedy: 'fleet ids list --state parked shows them',
    })
  }
  return withClient(options, async (client, output) => {
    const before = await client.status()
    const { retried } = await client.retry(ids.length === 0 ? undefined : ids.map(parseId))
    output.result(`${count(retried)} parked IDs are pending again`)
    if (retried > 0) noteFinished(output, before)
    output.json({ schema: 'fleet.ids.retry/1', retried })
    return ExitCode.ok
  })
}

export async function exportIds(options: LedgerOptions): Promise<ExitCode> {
  return withClient(options, async (client) => {
    for await (const line of client.export()) {
      if (!process.stdout.write(line)) await new Promise((resume) => process.stdout.once('drain', resume))
    }
    return ExitCode.ok
  })
}

/** Workers end when everything is done, and stay down: new work needs somebody who starts them again. */
function noteFinished(output: Output, before: DispatcherStatus): void {
  if (before.state === 'finished')
    output.note('the job had been finished, so its workers have ended: fleet start starts them again')
}

async function withClient(
  options: LedgerOptions,
  work: (client: Client, output: Output) => Promise<ExitCode>,
): Promise<ExitCode> {
  const client = await clientOf(options)
  try {
    return await work(client, outputOf(options))
  } finally {
    await client.close()
  }
}

async function clientOf(options: LedgerOptions): Promise<Client> {
  if (options.url === undefined) return operatorClient(loadConfig(resolve(options.config)))
  if (options.tokenFile === undefined) throw new FleetError('FLEET_CLI_BAD_OPTION', '--url needs --token-file')
  return createClient({ url: options.url, token: await readToken(resolve(options.tokenFile)) })
}

/** Opened before anything is sent, so that a wrong name is told first. */
async function openInput(file: string): Promise<NodeJS.ReadableStream> {
  if (file === '-') return process.stdin
  try {
    return (await open(resolve(file))).createReadStream()
  } catch (error) {
    throw new FleetError('FLEET_CLI_BAD_FILE', `cannot read ${file}: ${messageOf(error)}`, { cause: error })
  }
}
