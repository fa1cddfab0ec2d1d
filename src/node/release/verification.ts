// What a node says of a tree that it has hashed, as lines; `receive` and `verify` both print them.

export interface Verification {
  /** Files and links that are missing or not as the manifest says. */
  readonly bad: readonly string[]
  /** What is there and the manifest does not name. */
  readonly extra: readonly string[]
}

/** Of any other output: nothing is bad, nothing is extra. */
export function parseVerification(stdout: string): Verification {
  const lines = stdout.split('\n')
  const after = (mark: string): readonly string[] =>
    lines.filter((line) => line.startsWith(mark)).map((line) => line.slice(mark.length))
  return { bad: after('bad\t'), extra: after('extra\t') }
}
