// How many nodes a roll-out touches at a time, as the operator writes it: `1,10%,100%`. Pure.
import { parseShare } from './share.ts'

/**
 * The sizes of successive batches, as Ansible's `serial` has them: numbers, and percents of `all` nodes (rounded down, at least 1), parted
 * by commas. The last one repeats until `nodes` are spent; the last batch may be smaller. `nodes` from 0, less than `all` when some are
 * not to be touched, or were first. Throws FLEET_ROLLOUT_BAD_BATCH, which says where it went wrong.
 */
export function parseBatches(text: string, nodes: number, all = nodes): readonly number[] {
  const steps = stepsOf(text, all)
  const sizes: number[] = []
  for (let left = nodes, index = 0; left > 0; index += 1) {
    const size = Math.min(left, steps[Math.min(index, steps.length - 1)] ?? left)
    sizes.push(size)
    left -= size
  }
  return sizes
}

function stepsOf(text: string, nodes: number): readonly number[] {
  const steps: number[] = []
  let position = 1
  for (const piece of text.split(',')) {
    const expected = 'numbers from 1 or percents from 1% to 100%, such as 1,10%,100%'
    const found = { text, piece, position }
    steps.push(
      Math.max(1, parseShare({ option: '--batch', code: 'FLEET_ROLLOUT_BAD_BATCH', expected, least: 1 }, found, nodes)),
    )
    position += piece.length + 1
  }
  return steps
}

/** Canaries are a batch of their own before all others; the rest, in its order, is cut into `sizes`. No batch is empty. */
export function cutBatches<Node>(
  nodes: readonly Node[],
  isCanary: (node: Node) => boolean,
  sizesOf: (nodes: number) => readonly number[],
): readonly (readonly Node[])[] {
  const canaries = nodes.filter((node) => isCanary(node))
  const others = nodes.filter((node) => !isCanary(node))
  const batches: (readonly Node[])[] = canaries.length === 0 ? [] : [canaries]
  let from = 0
  for (const size of sizesOf(others.length)) {
    batches.push(others.slice(from, from + size))
    from += size
  }
  return batches
}
