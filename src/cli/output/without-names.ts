// Messages name the node that they are about; without its name and place, the same failure of many nodes is told once.

/** `text` with `the node` in place of its name (and user and address behind it). Pure. */
export function withoutNames(node: string, text: string): string {
  return (
    text
      // What the kernel said: connect EHOSTUNREACH 10.0.0.7:22 - Local (0.0.0.0:0)
      .replaceAll(/(?<= E[A-Z]+) \S+:\d+(?: - Local \([^)]*\))?/g, '')
      .replaceAll(new RegExp(`${escape(node)} \\([^)]*@[^)]*\\)`, 'g'), 'the node')
      .replaceAll(new RegExp(`(?<![A-Za-z0-9.-])${escape(node)}(?![A-Za-z0-9-])(?!\\.\\w)`, 'g'), 'the node')
  )
}

function escape(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')
}
