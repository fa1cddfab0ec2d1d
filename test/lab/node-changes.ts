// How tests make a node of the lab different from the others.
import type { Lab } from './lab.ts'

/** Puts lines before those of the node's sshd_config, where the first value of a keyword wins, and boots it again. */
export async function configureSshd(lab: Lab, node: number, lines: readonly string[]): Promise<void> {
  const file = '/etc/ssh/sshd_config'
  await must(
    lab,
    node,
    `{ printf '%s\\n' ${lines.map(quoted).join(' ')}; cat ${file}; } >${file}.new && mv ${file}.new ${file}`,
  )
  await lab.reboot(node)
}

/** Only connections from `address` get in with the lab's key from now on. */
export async function admitOnlyFrom(lab: Lab, node: number, address: string): Promise<void> {
  await must(lab, node, `sed -i 's/^/from="${address}" /' /root/.ssh/authorized_keys /home/deploy/.ssh/authorized_keys`)
}

/** The login shell of `deploy`, an absolute path. */
export async function changeShell(lab: Lab, node: number, shell: string): Promise<void> {
  await must(lab, node, `sed -i 's,^\\(deploy:.*:\\)[^:]*$,\\1${shell},' /etc/passwd`)
}

/** Runs a command line in the node and insists on its success. */
export async function must(lab: Lab, node: number, commandLine: string): Promise<string> {
  const result = await lab.run(node, commandLine)
  if (result.exitCode !== 0) throw new Error(`expected success of ${commandLine} on node ${node}: ${result.stderr}`)
  return result.stdout
}

/** Connections that sshd dropped before their greeting, as its log says. */
export function dropsOf(lab: Lab, node: number): number {
  return linesWith(lab, node, /drop connection #/)
}

/** Logins by key that sshd accepted, as its log says. */
export function loginsOf(lab: Lab, node: number): number {
  return linesWith(lab, node, /Accepted publickey/)
}

function linesWith(lab: Lab, node: number, pattern: RegExp): number {
  return lab
    .consoleLog(node)
    .split('\n')
    .filter((line) => pattern.test(line)).length
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`
}
