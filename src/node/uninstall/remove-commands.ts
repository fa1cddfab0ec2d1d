// Takes a job off a node: first what would bring it back, then what runs, then its folder. Each step may be repeated, also after
// one that was killed; the folder is renamed before anything in it is deleted, so that nothing starts from half of it.
import type { JobName } from '../../core/index.ts'
import type { NodeCommand } from '../command.ts'
import type { Claim } from '../lock/claim.ts'
import { fenced } from '../lock/fence.ts'
import { keepersText, KEEPERS } from './keepers-script.ts'
import { libraryText } from './kit-text.ts'
import { PLACE_TEXT } from './place-script.ts'
import { PROCESSES_TEXT } from './processes-script.ts'

/** sysexits.h EX_TEMPFAIL: something of the job runs, nothing was removed. */
export const JOB_RUNS = 75

/** Takes the keepers' lines out. Prints a line `NAME TAB OUTCOME` for each: removed, unchanged, `refused: ...`, `failed: ...` or `absent: ...`. */
export function removeKeepersCommand(base: string, job: JobName, claim: Claim): NodeCommand {
  const script = `${libraryText()}${PLACE_TEXT}${keepersText()}${REMOVE_KEEPERS}`
  return fenced({ name: 'uninstall-keepers', base, script, args: [job, lockedWord(claim)] }, claim)
}

export interface RemoveOptions {
  /** End what still runs: TERM, then KILL after `graceMs`. Otherwise a job that runs is left as it is (JOB_RUNS). */
  readonly ends: boolean
  /** Milliseconds. */
  readonly graceMs: number
}

/**
 * Removes the job's folder and what an earlier uninstall left, then root and `~/.fleet/crontab.lock` where nobody needs them. Prints `removed TAB PATH`
 * lines. Exit codes: 0 also when something could not be deleted (look again); 65 not a job's folder; 73 cannot rename; JOB_RUNS; 77 the claim is not good.
 */
export function removeCommand(base: string, job: JobName, claim: Claim, { ends, graceMs }: RemoveOptions): NodeCommand {
  const script = `${libraryText()}${PLACE_TEXT}${keepersText()}${PROCESSES_TEXT}${REMOVE}`
  const args = [job, ends ? 'yes' : '', String(Math.ceil(graceMs / 100)), lockedWord(claim)]
  return fenced({ name: 'uninstall', base, script, args }, claim)
}

function lockedWord(claim: Claim): string {
  return claim === 'unlocked' ? '' : 'yes'
}

/** What became of each keeper, from the output of `removeKeepersCommand`. A keeper that said nothing has failed. */
export function parseKeepersRemoved(stdout: string): readonly { readonly keeper: string; readonly outcome: string }[] {
  const said = new Map(
    stdout.split('\n').map((line) => [line.split('\t')[0] ?? '', line.slice(line.indexOf('\t') + 1).trim()]),
  )
  return KEEPERS.map((keeper) => ({ keeper, outcome: said.get(keeper) ?? 'failed: it said nothing' }))
}

/** The paths that are gone, from the output of `removeCommand`. */
export function parseRemoved(stdout: string): readonly string[] {
  return stdout
    .split('\n')
    .filter((line) => line.startsWith('removed\t'))
    .map((line) => line.slice('removed\t'.length))
}

const REMOVE_KEEPERS = `
job=$1 locked=$2
place
[ "$place" != odd ] || { echo "$base $why" >&2; exit 65; }
[ "$place" = absent ] || [ -n "$locked" ] || { echo "$base has come into being meanwhile" >&2; exit 75; }
fenced
for name_of_keeper in $keepers; do
  printf '%s\\t%s\\n' "$name_of_keeper" "$("\${name_of_keeper}_remove" | tr '\\000-\\037\\177' ' ')"
done
:`

const REMOVE = `
job=$1 ends=$2 grace=$3 locked=$4
main() {
  place
  [ "$place" != odd ] || { echo "$base $why" >&2; exit 65; }
  # Without a lock there was no folder to lock: one that is there now is somebody's who has just pushed.
  [ "$place" = absent ] || [ -n "$locked" ] || { echo "$base has come into being meanwhile" >&2; exit 75; }
  still=''
  fenced
  unfenced
  if [ -n "$ends" ]; then end_all; else await_quiet; fi
  [ -z "$still" ] || { echo "still at work: $still" >&2; exit 75; }
  if [ "$place" = job ]; then put_aside; fi
  delete_leftovers
  tidy_up
}

# living KINDS... -> $living, words "pid:name". Pids of this moment.
living() {
  living=$(processes | while IFS=$tab read -r pid kind comm; do
    case " $* " in *" $kind "*) printf '%s:%s ' "$pid" "$(printf '%s' "$comm" | tr -c 'A-Za-z0-9._\\n-' '?')" ;; esac
  done)
}

# A heartbeat, a status or a cron job of this minute ends by itself.
await_quiet() {
  for _ in 1 2 3 4 5 6 7 8 9 10; do
    living ours fleet
    [ -n "$living" ] || return 0
    sleep 0.3 2>/dev/null || sleep 1
  done
  still=$living
}

end_all() {
  for _ in 1 2 3; do
    living ours fleet
    [ -n "$living" ] || return 0
    send TERM
    wait_for_end "$grace"
    living ours fleet
    [ -n "$living" ] || return 0
    send KILL
    wait_for_end 50
  done
  living ours fleet
  still=$living
}

send() {
  for word in $living; do
    kill "-$1" "\${word%%:*}" 2>/dev/null
  done
}

# wait_for_end TENTHS: until those of $living are gone.
wait_for_end() {
  tenths=0
  while [ "$tenths" -lt "$1" ]; do
    alive=''
    for word in $living; do
      if started "\${word%%:*}"; then alive=yes; fi
    done
    [ -n "$alive" ] || return 0
    if sleep 0.1 2>/dev/null; then tenths=$((tenths + 1)); else sleep 1 && tenths=$((tenths + 10)); fi
  done
}

# A keeper that had begun before its line was taken out may have started a supervisor meanwhile; without leave to end it, everything
# goes back to where it was.
put_aside() {
  gone=$real_root/.removing-$job.$$
  while [ -e "$gone" ]; do gone=$gone.1; done
  fenced
  place
  [ "$place" = job ] || { echo "$base $why" >&2; exit 65; }
  said=$(mv -T "$real" "$gone" 2>&1) || { echo "cannot rename $base: $said" >&2; exit 73; }
  unfenced
  living ours
  [ -n "$living" ] || { printf 'removed\\t%s\\n' "$base"; return 0; }
  if [ -n "$ends" ]; then
    end_all
  elif [ ! -e "$real" ] && mv -T "$gone" "$real"; then
    echo "still at work: $living" >&2
    exit 75
  fi
  printf 'removed\\t%s\\n' "$base"
}

delete_leftovers() {
  set +f
  for gone in "$real_root/.removing-$job."*; do
    [ -d "$gone" ] && [ ! -h "$gone" ] && [ -O "$gone" ] || continue
    mounted "$gone"
    if [ -n "$mount_point" ]; then
      echo "$mount_point is mounted" >&2
    else
      delete
    fi
  done
  set -f
  # What a keeper of the last minute has made anew: folders for its logs, nothing else.
  place
  [ "$place" = job ] || return 0
  for part in etc kit releases runtimes current; do
    [ ! -e "$real/$part" ] && [ ! -h "$real/$part" ] || return 0
  done
  rm -rf "$real/log" "$real/slots"
  rmdir "$real"
}

# Releases are read-only, and a worker may have left folders that nobody can enter. find and rm go into no symbolic link.
delete() {
  find "$gone" -type d ! -perm -700 -exec chmod u+rwx {} + 2>/dev/null
  rm -rf "$gone" 2>/dev/null && return 0
  find "$gone" -type d -exec chmod u+rwx {} \\; 2>/dev/null
  rm -rf "$gone" && return 0
  # Something may have been writing there until now.
  sleep 1
  rm -rf "$gone" 2>/dev/null
}

# Root and ~/.fleet, where nothing else is in them. Folders that every Linux has are not ours, even when they are empty.
tidy_up() {
  tidy_lock
  for folder in "$root" "$HOME/.fleet"; do
    case $folder in
      '' | / | /bin | /boot | /dev | /etc | /home | /lib* | /media | /mnt | /opt | /proc | /root | /run | /sbin | /srv | /sys | /tmp | /usr | /var) continue ;;
      /home/* | /usr/* | /var/*) case $folder in /*/*/*) ;; *) continue ;; esac ;;
    esac
    [ -d "$folder" ] && [ ! -h "$folder" ] && [ -O "$folder" ] && ! [ "$folder" -ef "$HOME" ] || continue
    if rmdir "$folder" 2>/dev/null; then printf 'removed\\t%s\\n' "$folder"; fi
  done
}

# The lock of the crontab serves all jobs of this user, wherever their root is.
tidy_lock() {
  [ -e "$HOME/.fleet/crontab.lock" ] || return 0
  set +f
  for other in "$HOME"/.fleet/* "$HOME"/.fleet/.[!.]*; do
    set -f
    case \${other##*/} in .bin) ;; *) [ ! -d "$other" ] || return 0 ;; esac
  done
  set -f
  if command -v crontab >/dev/null; then
    case $(LC_ALL=C crontab -l 2>&1 </dev/null) in
      *"/kit/current/keep.sh"*" # fleet:"*) return 0 ;;
      *"no crontab for"* | *"can't open"*"No such file"*) ;;
      *) LC_ALL=C crontab -l >/dev/null 2>&1 </dev/null || return 0 ;;
    esac
  fi
  (
    command exec 7>>"$HOME/.fleet/crontab.lock" && flock -n 7 || exit 0
    rm -f "$HOME/.fleet/crontab.old" "$HOME/.fleet/crontab.new" "$HOME/.fleet/crontab.said" "$HOME/.fleet/crontab.lock"
    printf 'removed\\t%s\\n' "$HOME/.fleet/crontab.lock"
  )
}

main
:`
