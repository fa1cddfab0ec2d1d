// The name of whoever runs this process. A user without an entry in the password database (in a container, say) has one all the same.
import { userInfo } from 'node:os'

/** As the system knows it, else as the environment says (LOGNAME, USER: POSIX 8.3), else `uid1234`. */
export function loginName(): string {
  try {
    return userInfo().username
  } catch {
    return process.env['LOGNAME'] ?? process.env['USER'] ?? `uid${String(process.getuid?.() ?? 0)}`
  }
}
