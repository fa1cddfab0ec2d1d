/** `10.0.0.7:22`, with brackets around an IPv6 address: `[::1]:22` (RFC 3986 3.2.2). */
export function hostAndPort(address: string, port: number): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
}
