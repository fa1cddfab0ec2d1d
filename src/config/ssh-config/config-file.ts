// A file of ssh_config, taken apart: what stands before the first head, then a section for each head. Sections that name hosts
// without wildcards are found by name, so that ten thousand of them cost a node no more than ten.
import type { Condition } from './condition.ts'

export type Statement =
  | { readonly kind: 'setting'; readonly keyword: string; readonly args: readonly string[]; readonly rest: string; readonly place: string } // prettier-ignore
  | { readonly kind: 'include'; readonly files: readonly ConfigFile[] }

export interface Section {
  /** Undefined: what stands before the first head, which applies wherever the file does. */
  readonly condition: Condition | undefined
  /** Of the head. */
  readonly place: string
  readonly statements: readonly Statement[]
}

export interface ConfigFile {
  /** Those that may apply to `name`, in the order of the file. */
  sectionsFor(name: string): readonly Section[]
  /** `Match final` stands somewhere in it, or in a file that it includes. */
  readonly wantsFinalPass: boolean
}

export function createConfigFile(sections: readonly Section[]): ConfigFile {
  const general: number[] = []
  const byName = new Map<string, number[]>()
  for (const [index, { condition, statements }] of sections.entries()) {
    if (statements.length === 0 && condition?.names !== undefined) continue
    for (const name of new Set(condition?.names ?? [])) {
      const indexes = byName.get(name) ?? []
      indexes.push(index)
      byName.set(name, indexes)
    }
    if (condition?.names === undefined) general.push(index)
  }
  const generalSections = general.flatMap((index) => sections[index] ?? [])
  return {
    sectionsFor: (name) => {
      const own = byName.get(name)
      if (own === undefined) return generalSections
      return [...general, ...own].sort((a, b) => a - b).flatMap((index) => sections[index] ?? [])
    },
    wantsFinalPass: sections.some(
      ({ condition, statements }) =>
        condition?.wantsFinalPass === true ||
        statements.some(
          (statement) => statement.kind === 'include' && statement.files.some((file) => file.wantsFinalPass),
        ),
    ),
  }
}
