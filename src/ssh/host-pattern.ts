// The patterns of known_hosts (ssh_config(5), PATTERNS): `*` and `?`, a leading `!` excludes. Never a regular expression
// made from what the file says, so that no line can make a match slow.

/** True when one pattern matches and no negated one does. Case counts: known_hosts compares in lower case, so both sides have to be. */
export function matchesPatterns(patterns: readonly string[], name: string): boolean {
  let isMatched = false
  for (const pattern of patterns) {
    const isNegated = pattern.startsWith('!')
    if (!matchesPattern(isNegated ? pattern.slice(1) : pattern, name)) continue
    if (isNegated) return false
    isMatched = true
  }
  return isMatched
}

/** The usual two-pointer glob: on a mismatch it goes back to the last star only, so it takes at most length times length steps. */
function matchesPattern(pattern: string, name: string): boolean {
  let p = 0
  let n = 0
  let star = -1
  let resume = 0
  while (n < name.length) {
    if (pattern[p] === '*') {
      star = p
      resume = n
      p += 1
    } else if (p < pattern.length && (pattern[p] === '?' || pattern[p] === name[n])) {
      p += 1
      n += 1
    } else if (star >= 0) {
      p = star + 1
      resume += 1
      n = resume
    } else {
      return false
    }
  }
  while (pattern[p] === '*') p += 1
  return p === pattern.length
}
