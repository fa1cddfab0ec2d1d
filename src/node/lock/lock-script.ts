// The operator lock as sh on a node: two small files below etc/, read and written here and nowhere else.
//   epoch       the last epoch given out and to whom. Replaced by rename and fsynced, so it survives a power loss; one that is
//               there and cannot be understood is never taken for "nobody": everything is refused until a person looks.
//   epoch.beat  until when that epoch is good, in hundredths of a second since boot, and which boot. Without it, or with one of
//               another epoch, nobody holds the lock. Not fsynced: after a power loss it counts for nothing anyway.
//   epoch.lock  flock: shared while a fenced command takes effect or a holder renews, exclusive while the holder changes.
// They are read and written by the shell itself wherever it can be: every process costs a node a millisecond, and a push is made of
// little else. A beat that is empty counts as none.
// Time is the node's own: /proc/uptime, which NTP does not step and which goes on while the machine sleeps (proc(5), boottime).

/** Sees `$base`. Gives `lock_read`, which sets `$lock_state` (free, held, expired or damaged), and `lock_say`, which prints the lines for `parseLockState`. Changes nothing. */
export const LOCK_STATE_SH = `
lock_file=$base/etc/epoch lock_newline='
'
# lock_load FILE -> $lock_text: every line, each after a newline
lock_load() {
  lock_text=
  while IFS= read -r lock_line || [ -n "$lock_line" ]; do lock_text=$lock_text$lock_newline$lock_line; done <"$1"
} 2>/dev/null
# lock_field TEXT NAME -> $lock_value
lock_field() {
  lock_value=
  case $1 in *"$lock_newline$2="*) ;; *) return 1 ;; esac
  lock_value=\${1#*"$lock_newline$2="}
  lock_value=\${lock_value%%"$lock_newline"*}
}
# A leading zero would make it octal.
lock_is_number() {
  case $1 in '' | *[!0-9]* | 0?* | ????????????????*) return 1 ;; esac
}
lock_now() {
  IFS=' ' read -r lock_now _ </proc/uptime
  lock_now=$((\${lock_now%.*} * 100 + 1\${lock_now#*.} - 100))
  IFS= read -r lock_boot </proc/sys/kernel/random/boot_id
}
lock_read() {
  lock_state=free lock_epoch=0 lock_token='' lock_left=0 lock_taken=''
  [ -e "$lock_file" ] || [ -h "$lock_file" ] || return 0
  lock_state=damaged
  lock_load "$lock_file"
  lock_taken=$lock_text
  case $lock_taken in "\${lock_newline}fleet-lock 1\${lock_newline}epoch="*"\${lock_newline}end") ;; *) return 0 ;; esac
  lock_field "$lock_taken" epoch
  lock_is_number "$lock_value" || return 0
  lock_epoch=$lock_value lock_state=free
  lock_field "$lock_taken" token && lock_token=$lock_value
  [ -n "$lock_token" ] || return 0
  lock_load "$lock_file.beat" || return 0
  lock_field "$lock_text" epoch && [ "$lock_value" = "$lock_epoch" ] || return 0
  lock_state=expired
  lock_now
  lock_field "$lock_text" boot && [ "$lock_value" = "$lock_boot" ] || return 0
  lock_field "$lock_text" ttl && lock_is_number "$lock_value" || return 0
  lock_ttl=$lock_value
  lock_field "$lock_text" expires && lock_is_number "$lock_value" || return 0
  lock_left=$((lock_value - lock_now))
  # More than it was ever good for: the clock began anew under the same boot id, as in a container.
  if [ "$lock_left" -gt "$lock_ttl" ]; then lock_left=0; fi
  if [ "$lock_left" -gt 0 ]; then lock_state=held; fi
}
lock_say() {
  printf 'fleet-lock state=%s\\nfleet-lock epoch=%s\\n' "$lock_state" "$lock_epoch"
  case $lock_state in held | expired) ;; *) return 0 ;; esac
  for lock_name in token who host command since process; do
    lock_field "$lock_taken" "$lock_name"
    printf 'fleet-lock %s=%s\\n' "$lock_name" "$lock_value"
  done
  printf 'fleet-lock left=%s\\n' "$lock_left"
}
`

/**
 * Besides what LOCK_STATE_SH gives: `lock_open`, `lock_flock -s|-x`, which waits at most some 10 s (busybox's flock knows no
 * timeout, so it asks again and again), `lock_end`, which ends the claim of whoever has it and wants the exclusive flock, and
 * `lock_holder`, which says in words who has it.
 */
export const LOCK_SH = `${LOCK_STATE_SH}
PATH=\${PATH:+$PATH:}/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:\${base%/*}/.bin
lock_open() {
  { command exec 8>>"$base/etc/epoch.lock"; } 2>/dev/null
}
# A lock that is there and cannot be opened tells nothing of its holder: the disk does not take anything.
lock_open_or_say() {
  lock_open && return 0
  [ -e "$base/etc/epoch.lock" ] || return 1
  echo "cannot write to $base/etc" >&2
  exit 73
}
# A file that was replaced while we waited, with its whole folder, locks nobody out: once more with the one that is there now.
lock_flock() {
  lock_tries=0
  until flock -n "$1" 8 && [ "$base/etc/epoch.lock" -ef /proc/self/fd/8 ]; do
    lock_tries=$((lock_tries + 1))
    [ "$lock_tries" -lt 100 ] || return 1
    sleep 0.1 2>/dev/null || sleep 1
    [ "$base/etc/epoch.lock" -ef /proc/self/fd/8 ] || lock_open || return 1
  done
}
lock_end() {
  { true >"$lock_file.beat"; } 2>/dev/null && return 0
  echo "cannot write to $base/etc" >&2
  exit 73
}
lock_holder() {
  lock_field "$lock_taken" who; lock_said=$lock_value
  lock_field "$lock_taken" host; lock_said=$lock_said@$lock_value
  lock_field "$lock_taken" command; lock_said="$lock_said ($lock_value"
  lock_field "$lock_taken" since; lock_said="$lock_said, since $lock_value)"
}
`
