// Which questions of a server are answered with the password. Pure. A server asks in its own words and language, so everything
// that is hidden while typed counts as the password, unless it names something else: a one-time code, a PIN, a new password.

export interface Prompt {
  readonly prompt: string
  /** True: what is typed is shown, so it is no password. */
  readonly echo?: boolean | undefined
}

const SOMETHING_ELSE =
  /one.?time|\b(?:otp|totp|oath|pin|duo|token|2fa|mfa|old|new|current|retype|again|change|expired)\b|code|verif|factor|challenge|response/i

/** True when these prompts, asked together, are one for the password. */
export function asksForPassword(prompts: readonly Prompt[]): boolean {
  const [only, ...others] = prompts
  return only !== undefined && others.length === 0 && only.echo !== true && !SOMETHING_ELSE.test(only.prompt)
}

/** The prompts as an error shows them: one line, no control characters, at most 200 characters. */
export function showPrompts(prompts: readonly Prompt[]): string {
  const text = prompts.map(({ prompt }) => prompt.trim()).join(' / ')
  // eslint-disable-next-line no-control-regex
  return JSON.stringify(text.replace(/[\x00-\x1f\x7f-\x9f]+/g, ' ').slice(0, 200))
}
