// One push at a time works below a job's folder, and a dead one never keeps the living waiting: a connection that vanished
// without a word leaves its receive waiting for bytes for hours, with the lock in its hands.

/**
 * `take_turn`: holds fd 9, a flock of `<base>/push.lock`, until the end, and signs `<base>/.receiving` with pid, start
 * time and boot id. `$turn` says what to do when somebody else has it: `wait` waits for ever; `evict`, for operators
 * with a good claim, ends the process that signed and what it started. Each of those is known to be meant: it has that
 * very lock open, and it is the one that signed, started by it, or of its process group. Exits with 75 after 5 minutes.
 * Uses `cannot` and `fenced`. Children inherit fd 9 on purpose: as long as one of them may still write, the lock is
 * held.
 */
export const TURN_SH = `
take_turn() {
  { command exec 9>>"$base/push.lock"; } 2>/dev/null || cannot "$base"
  { IFS= read -r boot; } </proc/sys/kernel/random/boot_id
  if [ "$turn" = wait ]; then
    flock 9
  else
    tries=0
    until flock -n 9; do
      [ "$tries" -lt 3000 ] || {
      echo "another push has been at work below $base for 5 minutes: look what holds $base/push.lock" >&2
      exit 75
    }
      if [ $((tries % 20)) = 0 ]; then
        fenced
        evict
        unfenced
      fi
      tries=$((tries + 1))
      sleep 0.1 2>/dev/null || sleep 1
    done
  fi
  stat_of "$$"
  # Not on a full disk, where a way back to the last release must still work.
  { printf '%s %s %s\\n' "$$" "$started" "$boot" >"$base/.receiving"; } 2>/dev/null || :
}
# stat_of PID -> $parent $group $started (proc(5), fields 4, 5 and 22)
stat_of() {
  { IFS= read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 1
  set -- \${stat##*) }
  parent=$2 group=$3 started=\${20}
}
evict() {
  signer='' born='' at=''
  { IFS=' ' read -r signer born at <"$base/.receiving"; } 2>/dev/null
  case $signer in '' | *[!0-9]* | 0* | 1 | "$$") return ;; esac
  [ "$at" = "$boot" ] || return
  victims=' '
  if stat_of "$signer"; then
    # Another process by now; then no group has that number either.
    [ "$started" = "$born" ] && [ "/proc/$signer/fd/9" -ef "$base/push.lock" ] || return
    victims=" $signer "
  fi
  for round in 1 2 3; do
    for process in /proc/[0-9]*; do
      pid=\${process#/proc/}
      case $victims in *" $pid "*) continue ;; esac
      [ "$pid" != "$$" ] && stat_of "$pid" || continue
      case $victims in *" $parent "*) ;; *) [ "$group" = "$signer" ] || continue ;; esac
      [ "$process/fd/9" -ef "$base/push.lock" ] || continue
      victims="$victims$pid "
    done
  done
  [ "$victims" = ' ' ] || kill -KILL $victims 2>/dev/null
}
`
