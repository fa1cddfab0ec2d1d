// What an import sends: the chunks as they come, counted, after a look at the first byte if nobody said what they are.
import type { CallOptions } from './client-wire.ts'
import type { ImportFormat } from './import-lines.ts'

const LF = 10
const OPENING_BRACE = 0x7b
const BOM = Buffer.from('\ufeff')

export interface ImportOptions extends CallOptions {
  /** Left out: NDJSON if the first byte is `{`, plain otherwise. */
  readonly format?: ImportFormat
  /** Runs for every chunk, with the bytes sent and the line ends among them so far. */
  readonly onProgress?: (sentBytes: number, sentLines: number) => void
}

export interface Upload {
  readonly format: ImportFormat
  readonly chunks: AsyncIterable<Uint8Array>
}

/** Reads as little of `stream` as tells its format. What `stream` throws is thrown on. */
export async function prepareUpload(
  stream: AsyncIterable<Uint8Array | string>,
  options: ImportOptions,
): Promise<Upload> {
  const rest = stream[Symbol.asyncIterator]()
  const head: Uint8Array[] = []
  // Three bytes tell a byte order mark, so four are enough to see what follows it.
  for (let bytes = 0; options.format === undefined && bytes <= BOM.length;) {
    const next = await rest.next()
    if (next.done === true) break
    const chunk = bytesOf(next.value)
    head.push(chunk)
    bytes += chunk.length
  }
  return { format: options.format ?? formatOf(Buffer.concat(head)), chunks: counted(head, rest, options.onProgress) }
}

function formatOf(start: Buffer): ImportFormat {
  const first = start.subarray(0, BOM.length).equals(BOM) ? start[BOM.length] : start[0]
  return first === OPENING_BRACE ? 'ndjson' : 'plain'
}

async function* counted(
  head: readonly Uint8Array[],
  rest: AsyncIterator<Uint8Array | string>,
  onProgress: ImportOptions['onProgress'],
): AsyncGenerator<Uint8Array> {
  let sentBytes = 0
  let sentLines = 0
  for await (const chunk of joined(head, rest)) {
    yield chunk
    sentBytes += chunk.length
    for (let at = chunk.indexOf(LF); at >= 0; at = chunk.indexOf(LF, at + 1)) sentLines += 1
    onProgress?.(sentBytes, sentLines)
  }
}

async function* joined(
  head: readonly Uint8Array[],
  rest: AsyncIterator<Uint8Array | string>,
): AsyncGenerator<Uint8Array> {
  yield* head
  try {
    for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield bytesOf(next.value)
  } finally {
    await rest.return?.()
  }
}

function bytesOf(chunk: Uint8Array | string): Uint8Array {
  return typeof chunk === 'string' ? Buffer.from(chunk) : chunk
}
