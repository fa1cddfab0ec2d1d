// How many nodes may fail before a roll-out stops, as the operator writes it: `3` or `10%`. Pure.
import { parseShare } from './share.ts'

/** Failed nodes that are still borne: a number from 0, or a percent of all `nodes` (rounded down). Throws FLEET_ROLLOUT_BAD_MAX_FAIL. */
export function parseMaxFail(text: string, nodes: number): number {
  const expected = 'a number from 0 or a percent from 0% to 100%, such as 3 or 10%'
  const found = { text, piece: text, position: 1 }
  return parseShare({ option: '--max-fail', code: 'FLEET_ROLLOUT_BAD_MAX_FAIL', expected, least: 0 }, found, nodes)
}
