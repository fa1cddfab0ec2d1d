// Every limit of protocol v1, in one place. docs/protocol.md states the same numbers.

/** A long poll lasts at most this long, in milliseconds. */
export const MAX_WAIT_MS = 60_000
/** A released ID can be held back for at most this long, in milliseconds: 7 days. */
export const MAX_DELAY_MS = 604_800_000
/** The class of a failure, in bytes. */
export const MAX_ERROR_CLASS_BYTES = 64
/** The message of a failure, in bytes. A longer one is cut, never refused: a failure report must not fail. */
export const MAX_ERROR_MESSAGE_BYTES = 4096
/** A result or a payload, in bytes of JSON text. */
export const MAX_JSON_TEXT_BYTES = 65_536
/** A request body other than an import or a retry: 64 KiB, and room for a result in which every byte is percent-encoded. */
export const MAX_BODY_BYTES = 65_536 + 3 * MAX_JSON_TEXT_BYTES
/** The body of a retry that names its IDs. */
export const MAX_RETRY_BODY_BYTES = 8_388_608
/** IDs that one retry may name. */
export const MAX_RETRY_IDS = 10_000
/** One line of an import: the largest payload, an ID written with escapes, and the names around them. */
export const MAX_IMPORT_LINE_BYTES = MAX_JSON_TEXT_BYTES + 4096
/** Refused lines that the answer to an import names; the others are only counted. */
export const MAX_REJECTED_SHOWN = 100
/** Records in one page of a list. */
export const MAX_LIST_LIMIT = 10_000
export const DEFAULT_LIST_LIMIT = 100
