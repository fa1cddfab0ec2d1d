// Values in INI are Python literals where they can be (Ansible calls ast.literal_eval), else text. Only the kinds that fleet's
// variables have are told apart; everything else stays text and is judged where it is used.

const COMMENT = '\\s*(?:#.*)?'
const QUOTED = new RegExp(`^(?:'((?:[^'\\\\]|\\\\.)*)'|"((?:[^"\\\\]|\\\\.)*)")${COMMENT}$`)
const PLAIN = new RegExp(`^([+-]?\\d+|True|False|None)${COMMENT}$`)

export function pythonLiteral(text: string): string | boolean | null {
  const quoted = QUOTED.exec(text)
  if (quoted !== null) return (quoted[1] ?? quoted[2] ?? '').replace(/\\(['"\\])/g, '$1')
  const plain = PLAIN.exec(text)?.[1]
  if (plain === undefined) return text
  if (plain === 'None') return null
  return plain === 'True' || plain === 'False' ? plain === 'True' : plain
}
