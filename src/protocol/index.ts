// Messages between workers, dispatcher and CLI: schemas, codecs, limits and the typed client of protocol v1 (docs/protocol.md).
export type { DispatcherStatus, IdListItem, IdReport, ImportReport } from './answers.ts'
export { badRequest } from './bad-request.ts'
export { createClient, type Client, type ClientOptions, type ClientSeat, type LeaseName } from './client.ts'
export type { ClientLeaseAnswer, ClientSettleAnswer } from './client-answers.ts'
export { createImportParser, type ImportFormat, type ImportLine, type ImportParser } from './import-lines.ts'
export { leaseToJson, leaseToText, type WireLease } from './lease-codec.ts'
export {
  DEFAULT_LIST_LIMIT,
  MAX_BODY_BYTES,
  MAX_LIST_LIMIT,
  MAX_REJECTED_SHOWN,
  MAX_RETRY_BODY_BYTES,
} from './limits.ts'
export { nodeToken } from './node-token.ts'
export { decodeRequest, type RequestBody } from './request-body.ts'
export {
  completeRequest,
  failRequest,
  leaseRequest,
  releaseRequest,
  renewRequest,
  retryRequest,
  type CompleteRequest,
  type FailRequest,
  type LeaseRequest,
  type ReleaseRequest,
} from './requests.ts'
export type { ImportOptions } from './upload.ts'
