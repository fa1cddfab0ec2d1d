#!/bin/sh
# cron.sh BASE JOB install|remove: the line that lets cron call keep.sh every minute, in the user's own crontab. Every other
# line stays as it is, byte for byte. A table that cannot be read is never written: `crontab -l` failing for any other reason
# than an empty table ends this, since writing then would wipe what the user had.
# Prints one line and exits 0: "installed", "removed", "unchanged"; "absent: ..." without a crontab program; "refused: ..."
# when this user may not use it or it failed, and nothing was changed; "failed: ..." when what was written is not there.
# shellcheck disable=SC1091,SC2154
. "${0%/*}/lib.sh"

main() {
  base=$1 job=$2 action=$3
  # Not below BASE, which may be gone already when the line is taken out.
  work=$HOME/.fleet/crontab
  case $base in *"$newline"*) finish "refused: the path of the job holds a newline" ;; esac
  mark=" # fleet:$job"
  wanted_line="* * * * * /bin/sh $(cron_word "$base/kit/current/keep.sh") $(cron_word "$base")$mark"
  command -v crontab >/dev/null || finish "absent: there is no crontab program on this node"
  lock_table
  read_table "$work.old" || finish "refused: crontab -l failed, nothing was changed: $complaint"
  change_table <"$work.old" >"$work.new" || finish "refused: cannot write $work.new"
  if cmp -s "$work.old" "$work.new"; then finish "unchanged"; fi
  complaint=$(crontab "$work.new" 2>&1) || finish "refused: $complaint"
  read_table "$work.old" || finish "failed: written, then crontab -l failed: $complaint"
  cmp -s "$work.old" "$work.new" || finish "failed: the table read back is not the one that was written"
  case $action in
    install) finish "installed" ;;
    *) finish "removed" ;;
  esac
}

# Editing a crontab is read, change, write: two at once lose one of the changes. Whoever uninstalls the last job removes the lock
# while holding it, so one that is not there any more protects nothing.
lock_table() {
  while :; do
    mkdir -p "$HOME/.fleet" || finish "refused: cannot write to $HOME/.fleet"
    if ! command exec 7>>"$work.lock"; then
      [ -d "$HOME/.fleet" ] || continue
      finish "refused: cannot write to $work.lock"
    fi
    flock 7 || finish "refused: cannot lock $work.lock"
    # shellcheck disable=SC3013
    [ /proc/self/fd/7 -ef "$work.lock" ] && return
  done
}

read_table() {
  LC_ALL=C crontab -l >"$1" 2>"$work.said" </dev/null && return
  complaint=$(cat "$work.said")
  case $complaint in
    # Vixie cron and cronie say the first, busybox the second.
    *"no crontab for"*) ;;
    *"can't open"*"No such file"*) ;;
    *) return 1 ;;
  esac
  : >"$1"
}

# Our lines are those with the mark of this job and the path of this base; an unchanged one keeps its place.
change_table() {
  found=''
  while IFS= read -r line || [ -n "$line" ]; do
    case $line in
      "$wanted_line")
        if [ "$action" = install ] && [ -z "$found" ]; then
          found=yes
          printf '%s\n' "$line"
        fi
        ;;
      *"$(cron_word "$base")$mark") ;;
      *) printf '%s\n' "$line" ;;
    esac
  done
  if [ "$action" = install ] && [ -z "$found" ]; then printf '%s\n' "$wanted_line"; fi
}

finish() {
  rm -f "$work.old" "$work.new" "$work.said"
  printf '%s\n' "$1"
  exit 0
}

main "$@"
