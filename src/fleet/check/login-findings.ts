// What a login there gives: tools, a shell, sessions.
import { REQUIRED_TOOLS } from '../../node/index.ts'
import type { Finding, Observation, Wants } from './finding.ts'

const POSIX_LIKE = /\/(?:sh|ash|dash|bash|rbash|busybox|ksh|ksh93|lksh|mksh|oksh|yash|zsh)$/
/** fleet has up to 8 sessions on a connection; sshd's default is 10 (sshd_config(5), MaxSessions). */
const SESSIONS = 8

export function toolFindings({ facts }: Observation, wants: Wants): readonly Finding[] {
  const install = (packages: string): string =>
    `install it (Debian: apt-get install ${packages}), or put a program of that name into .bin below root`
  const lacking = REQUIRED_TOOLS.filter((tool) => facts.missingTools.includes(tool))
  const findings: Finding[] = lacking.map((tool) => ({
    severity: 'error',
    subject: 'tools',
    message: `${tool} is missing`,
    remedy: install(PACKAGES[tool]),
  }))
  if (facts.missingTools.includes('curl'))
    findings.push({
      severity: wants.needsCurl ? 'error' : 'warning',
      subject: 'tools',
      message: 'curl is missing, by which workers of kind exec get their IDs',
      remedy: install('curl'),
    })
  return findings
}

const PACKAGES: Readonly<Record<(typeof REQUIRED_TOOLS)[number], string>> = {
  flock: 'util-linux',
  setsid: 'util-linux',
  sha256sum: 'coreutils',
  tar: 'tar',
}

export function loginFindings({ facts, noise }: Observation): readonly Finding[] {
  const findings: Finding[] = []
  if (noise.trim() !== '')
    findings.push({
      severity: 'warning',
      subject: 'login shell',
      message: 'it prints text before every command; fleet leaves that out, scp and rsync break on it',
      remedy: 'let the startup files (.bashrc, .cshrc, config.fish) print only when a person is there: [ -t 1 ] && ...',
    })
  if (facts.shell !== '' && !POSIX_LIKE.test(facts.shell))
    findings.push({
      severity: 'note',
      subject: 'login shell',
      message: `${facts.shell} is not a POSIX shell; fleet starts sh from it`,
      remedy: 'nothing; if it gives trouble: chsh -s /bin/sh',
    })
  return findings
}

export function sshdFindings({ facts }: Observation, wants: Wants): readonly Finding[] {
  const sessions = Number(facts.sshd['maxsessions'] ?? '')
  const startups = Number(facts.sshd['maxstartups']?.split(':')[0] ?? '')
  const ofOneSource = Number(facts.sshd['persourcemaxstartups'] ?? '')
  const findings: Finding[] = []
  if (sessions > 0 && sessions < SESSIONS)
    findings.push({
      severity: 'warning',
      subject: 'sshd',
      message: `it allows ${sessions} sessions on a connection (MaxSessions), fleet uses up to ${SESSIONS}`,
      remedy: 'set MaxSessions 10, which is the default, in sshd_config there',
    })
  if (startups > 0 && startups < wants.perEndpoint)
    findings.push({
      severity: 'note',
      subject: 'sshd',
      message: `it may drop a connection when ${startups} others are being made (MaxStartups); as a hop it would be slow`,
      remedy: `set MaxStartups 10:30:100, which is the default, or ssh.per_endpoint: ${startups} in fleet.yml`,
    })
  if (ofOneSource > 0 && ofOneSource < wants.perEndpoint)
    findings.push({
      severity: 'note',
      subject: 'sshd',
      message: `it drops a connection when ${ofOneSource} others are being made from one address (PerSourceMaxStartups); as a hop it would be slow`,
      remedy: `set PerSourceMaxStartups none, which is the default, or ssh.per_endpoint: ${ofOneSource} in fleet.yml`,
    })
  return findings
}

export function noteFindings({ notes }: Observation): readonly Finding[] {
  return notes.map((message) => ({
    severity: 'note',
    subject: 'ssh_config',
    message,
    remedy: 'nothing while the node can be reached without it',
  }))
}
