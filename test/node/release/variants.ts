// The nodes that a tree has to arrive on: every shell that this machine has, and one with nothing but busybox.
import { join } from 'node:path'
import { busyboxTools } from '../../fleet/local-node.ts'
import { shellsHere } from '../shells.ts'

export interface Variant {
  readonly name: string
  readonly options: { readonly sh: string; readonly tools?: string }
}

export function nodeVariants(): readonly Variant[] {
  const busybox = busyboxTools()
  return [
    ...shellsHere().map((shell) => ({ name: shell.name, options: { sh: shell.path } })),
    ...(busybox === undefined
      ? []
      : [{ name: 'busybox with all its tools', options: { sh: join(busybox, 'sh'), tools: busybox } }]),
  ]
}
