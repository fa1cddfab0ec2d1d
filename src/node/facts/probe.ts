// What `probeCommand` printed: did the dispatcher's URL answer?

export type ProbeOutcome =
  | { readonly kind: 'answers'; readonly status: number }
  /** Something is there and does not speak HTTP as a dispatcher does. */
  | { readonly kind: 'odd' }
  /** Nobody listens at that port. */
  | { readonly kind: 'refused' }
  /** The name does not resolve there. */
  | { readonly kind: 'unresolved' }
  /** No way there: a firewall, a wrong address, no route. */
  | { readonly kind: 'silent' }
  /** The connection or the node ended it: nothing is known. */
  | { readonly kind: 'failed'; readonly code: string; readonly message: string }
  /** There is no curl to try with. */
  | { readonly kind: 'untried' }

/** Reads the output of `probeCommand`. Exit codes are those of curl(1). */
export function parseProbe(stdout: string): ProbeOutcome {
  const [, exitCode, status] = /^probe\t(\d+)\t(\d*)$/m.exec(stdout) ?? []
  switch (exitCode) {
    case '0':
      return { kind: 'answers', status: Number(status) }
    case '6':
      return { kind: 'unresolved' }
    case '7':
      return { kind: 'refused' }
    case '28':
      return { kind: 'silent' }
    case '126':
    case '127':
    case undefined:
      return { kind: 'untried' }
    default:
      return { kind: 'odd' }
  }
}
