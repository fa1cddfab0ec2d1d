// Texts that a worker sends along for people: they are made storable and short, never refused.

/** At most `maxBytes` bytes of UTF-8, cut between characters. Lone surrogates and NUL, which not every ledger can store, become U+FFFD. */
export function cutToBytes(text: string, maxBytes: number): string {
  const storable = text.toWellFormed().replaceAll('\0', '\ufffd')
  if (storable.length * 3 <= maxBytes) return storable
  const bytes = Buffer.from(storable)
  if (bytes.length <= maxBytes) return storable
  let end = maxBytes
  // Bytes 10xxxxxx continue a character (RFC 3629, section 3).
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1
  return bytes.toString('utf8', 0, end)
}
