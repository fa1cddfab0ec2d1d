// What brings workers back after a reboot, and what might end them when we log out.
import type { Finding, Observation, Wants } from './finding.ts'

/** `keeper: cron` insists on cron, `auto` does without and says so. */
export function cronFindings({ facts }: Observation, wants: Wants): readonly Finding[] {
  if (wants.keeper === 'none') return []
  const finding = (message: string, remedy: string): readonly Finding[] => [
    {
      severity: wants.keeper === 'cron' ? 'error' : 'warning',
      subject: 'cron',
      message: `${message}: nothing brings workers back after a reboot`,
      remedy: `${remedy}, or set worker.keeper: none`,
    },
  ]
  if (facts.crontab === 'absent')
    return finding('there is no crontab program', 'install cron (Debian: apt-get install cron)')
  if (facts.crontab !== 'usable')
    return finding(
      `${facts.user} cannot use crontab (it says: ${facts.crontab.replace(/ See crontab\(1\).*$/, '')})`,
      'allow the user in /etc/cron.allow, or take the name out of /etc/cron.deny',
    )
  if (facts.cronRuns === false) return finding('no cron daemon runs', 'start it (Debian: systemctl enable --now cron)')
  return []
}

export function lingerFindings({ facts }: Observation): readonly Finding[] {
  if (facts.killsUserProcesses !== true || facts.linger !== false || facts.uid === 0) return []
  return [
    {
      severity: 'error',
      subject: 'linger',
      message: `logind ends what ${facts.user} left running when the last session ends (KillUserProcesses=yes): workers too`,
      remedy: `as root: loginctl enable-linger ${facts.user}`,
    },
  ]
}
