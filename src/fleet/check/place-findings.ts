// Root has to be on a local disk with room, and what lies there has to be executable.
import type { Finding, Observation } from './finding.ts'

const MIB = 1024 * 1024
/** A release, logs and scratch folders need some room; below this a push is likely to end half way. */
const LEAST_FREE_BYTES = 100 * MIB
/** Logs of a month and the scratch of many slots do not fit into less. */
const COMFORTABLE_FREE_BYTES = 1024 * MIB
/** A slot has about ten files, a release has hundreds. */
const COMFORTABLE_FREE_INODES = 10_000

// Kinds of filesystems whose files live on other machines, as /proc/mounts names them (Linux, fs/; FUSE: the client's name).
const NETWORK =
  /^(?:nfs\d?|cifs|smb\d?|smbfs|9p|afs|ceph|coda|lustre|gpfs|beegfs|orangefs|pvfs2|gfs2|ocfs2|fuse\.(?:sshfs|glusterfs|ceph|ceph-fuse|s3fs|s3backer|goofys|gcsfuse|rclone|mount-s3|juicefs|JuiceFS|curlftpfs|davfs2?|moosefs|mfs|lizardfs|seaweedfs|blobfuse2?))$/
const IN_MEMORY = /^(?:tmpfs|ramfs)$/

export function placeFindings({ facts }: Observation): readonly Finding[] {
  const { place, filesystem } = facts
  const findings: Finding[] = []
  const error = (subject: string, message: string, remedy: string): void => {
    findings.push({ severity: 'error', subject, message, remedy })
  }
  if (NETWORK.test(filesystem))
    error(
      'filesystem',
      `${place} is on ${filesystem}, a network filesystem: its locks do not hold when a server or a link fails`,
      'set root to a folder on a local disk, in fleet.yml or in the inventory',
    )
  if (IN_MEMORY.test(filesystem))
    findings.push({
      severity: 'warning',
      subject: 'filesystem',
      message: `${place} is on ${filesystem}: it takes memory, and is empty after a reboot`,
      remedy: 'set root to a folder on a local disk, in fleet.yml or in the inventory',
    })
  switch (facts.placeState) {
    case 'good':
      break
    case 'hung':
      error(
        'filesystem',
        `${place} does not answer: a disk that hangs, or a network filesystem whose server is gone`,
        'bring the server back or unmount it (umount -l), or set root to a folder on a local disk',
      )
      break
    case 'relative':
      error(
        'root',
        `root must be absolute or begin with ~/, and leads to ${place}`,
        'correct root in fleet.yml or in the inventory',
      )
      break
    case 'denied':
      error(
        'root',
        `${facts.user} cannot write to ${place}${reasonOf(facts.placeSaid)}`,
        `give it to that user (chown ${facts.user} ${place}), or set root to a folder of that user's`,
      )
      break
    case 'full':
      error(
        'disk',
        `there is no space left in ${place}`,
        'free space there (disk, inodes or quota), or set root to another disk',
      )
      break
    case 'noexec':
      error(
        'root',
        facts.mountOptions.split(',').includes('noexec')
          ? `programs in ${place} cannot be run: it is mounted noexec`
          : `programs in ${place} cannot be run: a security module or policy forbids it`,
        'set root to a folder where programs may run',
      )
  }
  return findings
}

export function spaceFindings({ facts }: Observation): readonly Finding[] {
  const { disk, place } = facts
  if (disk === undefined || facts.placeState === 'full') return []
  const remedy = 'free space there, or set root to another disk'
  const findings: Finding[] = []
  if (disk.freeBytes < LEAST_FREE_BYTES)
    findings.push({ severity: 'error', subject: 'disk', message: `less than 100 MiB are free in ${place}`, remedy })
  else if (disk.freeBytes < COMFORTABLE_FREE_BYTES)
    findings.push({ severity: 'warning', subject: 'disk', message: `less than 1 GiB is free in ${place}`, remedy })
  // Filesystems that make inodes as they need them (btrfs) say 0 of 0.
  if (disk.inodes > 0 && disk.freeInodes < COMFORTABLE_FREE_INODES)
    findings.push({
      severity: 'warning',
      subject: 'disk',
      message: `less than 10,000 inodes are free in ${place}: no more files can be made, whatever the space`,
      remedy: 'delete small files there (df -i shows the count), or set root to another disk',
    })
  return findings
}

/** `mkdir: cannot create directory '/x': Permission denied` names a folder that is no more. */
function reasonOf(said: string): string {
  const reason = said.slice(said.lastIndexOf(': ') + 1).trim()
  return reason === '' ? '' : `: ${reason}`
}
