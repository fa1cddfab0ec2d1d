// `%h` and `${HOME}` in values (ssh_config(5), TOKENS and ENVIRONMENT VARIABLES).
import { quoted } from '../problem.ts'

export interface Meanings {
  /** By the letter behind `%`; `%%` is always a percent sign. */
  readonly tokens: Readonly<Record<string, string>>
  /** For `${NAME}`; without it such text stays as it is. */
  readonly environment?: Readonly<Record<string, string | undefined>>
}

/** The text with everything replaced, in one pass; or why not. */
export function expandTokens(
  text: string,
  { tokens, environment }: Meanings,
): { readonly text: string } | { readonly problem: string } {
  if (!/[%$]/.test(text)) return { text }
  let problem: string | undefined
  const expanded = text.replace(/%.?|\$\{[^}]*\}?/gsu, (found) => {
    if (found === '%%') return '%'
    if (found.startsWith('$') && environment === undefined) return found
    const [values, name, expected] = found.startsWith('$')
      ? [environment ?? {}, found.endsWith('}') ? found.slice(2, -1) : '', 'a variable that the environment holds']
      : [tokens, found.slice(1), `one of %%, %${Object.keys(tokens).join(', %')}`]
    const value = Object.hasOwn(values, name) ? values[name] : undefined
    if (value === undefined) problem ??= `expected ${expected}, found ${quoted(found)}`
    return value ?? ''
  })
  return problem === undefined ? { text: expanded } : { problem }
}
