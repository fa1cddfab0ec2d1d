// A number of nodes, or a percent of all of them.
import { FleetError, type FleetErrorCode } from '../../core/index.ts'

interface Share {
  readonly option: string
  readonly code: FleetErrorCode
  readonly expected: string
  /** The smallest number, and the smallest percent. */
  readonly least: 0 | 1
}

/** `position`: where `piece` begins in `text`, from 1. */
interface Written {
  readonly text: string
  readonly piece: string
  readonly position: number
}

/** Whole nodes, percents rounded down. Throws `share.code` with the position. */
export function parseShare(share: Share, { text, piece, position }: Written, nodes: number): number {
  const [, digits, percent] = /^\s*(\d{1,9})(%?)\s*$/.exec(piece) ?? []
  const value = Number(digits)
  if (digits !== undefined && value >= share.least && (percent === '' || value <= 100))
    return percent === '' ? value : Math.floor((nodes * value) / 100)
  const where = piece === text ? '' : ` at character ${position} of ${JSON.stringify(text.slice(0, 100))}`
  throw new FleetError(
    share.code,
    `expected ${share.option} to be ${share.expected}, got ${JSON.stringify(piece.slice(0, 100))}${where}`,
  )
}
