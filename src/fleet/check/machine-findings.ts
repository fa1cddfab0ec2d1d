// Limits, memory and time.
import type { Finding, Observation, Wants } from './finding.ts'

/** What Linux gives when nobody says (include/uapi/linux/fs.h, INR_OPEN_CUR); less is somebody's decision, and workers inherit it. */
const OPEN_FILES = 1024
/** A slot is its supervisor, the worker's shell, curl, and the command with a child or two. */
const PROCESSES_PER_SLOT = 6
/** Beside the slots: a login, cron, the keeper. */
const OTHER_PROCESSES = 50
/** The shells and curl of one slot, before the command itself takes anything. */
const MEMORY_PER_SLOT_BYTES = 16 * 1024 * 1024
/** No lease depends on a node's clock, so this only misleads who compares logs, and what checks dates (TLS). */
const CLOCK_OFFSET_MS = 2000

export function limitFindings({ facts }: Observation, wants: Wants): readonly Finding[] {
  const findings: Finding[] = []
  if (facts.openFiles !== undefined && facts.openFiles.soft < OPEN_FILES)
    findings.push({
      severity: 'warning',
      subject: 'limits',
      message: `a process may have fewer than ${OPEN_FILES} open files`,
      remedy: `raise it for ${facts.user} (nofile in /etc/security/limits.conf)`,
    })
  // Root is not held to it (setrlimit(2), RLIMIT_NPROC).
  const needed = wants.slots * PROCESSES_PER_SLOT + OTHER_PROCESSES
  if (wants.hasJob && facts.uid !== 0 && facts.processes !== undefined && facts.processes.soft < needed)
    findings.push({
      severity: 'warning',
      subject: 'limits',
      message: `${facts.user} may have fewer processes than ${wants.slots} slots need, about ${needed}`,
      remedy: `raise it for ${facts.user} (nproc in /etc/security/limits.conf), or give this node fewer slots`,
    })
  return findings
}

export function memoryFindings({ facts }: Observation, wants: Wants): readonly Finding[] {
  if (!wants.hasJob || facts.memoryBytes === undefined) return []
  if (facts.memoryBytes >= wants.slots * MEMORY_PER_SLOT_BYTES) return []
  return [
    {
      severity: 'warning',
      subject: 'memory',
      message: `it has little memory for ${wants.slots} slots: less than 16 MiB each`,
      remedy: 'give this node fewer slots in the inventory',
    },
  ]
}

export function clockFindings({ clock }: Observation): readonly Finding[] {
  if (clock === undefined || Math.abs(clock.offsetMs) - clock.doubtMs <= CLOCK_OFFSET_MS) return []
  return [
    {
      severity: 'warning',
      subject: 'clock',
      message: `its clock is more than ${CLOCK_OFFSET_MS / 1000} s ${clock.offsetMs > 0 ? 'ahead of' : 'behind'} this machine's; leases do not depend on it, logs and certificates do`,
      remedy: 'let it follow a time server (systemd-timesyncd or chrony), and check the clock of this machine too',
    },
  ]
}
