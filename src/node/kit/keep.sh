#!/bin/sh
# keep.sh BASE: makes the supervisors of a node what etc/desired says, and ends. It keeps no state and may be called at any
# time, by cron, by ssh, by many at once: who supervises a slot is decided by that slot's lock, never here.
# With every wanted slot alive it forks nothing for each slot. It has no traps, so it may use `read`.
# shellcheck disable=SC1091
. "${0%/*}/lib.sh"

text_of() { first_line_of "$1"; }

main() {
  base=$1
  cd / || exit 1
  mkdir -p "$base/log" "$base/slots" || exit 1
  # All three, here and not on the crontab line: an ssh session would wait for them, and cron would mail or drop them.
  command exec </dev/null >>"$base/log/keep.log" 2>&1 || exit 1
  shell=/bin/sh
  load_settings "$base/etc"
  if ! load_desired; then
    note "etc/desired is missing or empty, so nothing is started or stopped"
    exit 0
  fi
  start_wanted
  dismiss_unwanted
}

start_wanted() {
  [ "$want_state" = up ] || return 0
  n=0
  while [ "$n" -lt "${want_slots:-0}" ]; do
    n=$((n + 1))
    case $n in ?) slot=p0$n ;; *) slot=p$n ;; esac
    lives "$base/slots/$slot/supervisor" || settled || supervise
  done
}

# Finished or misconfigured in the generation that is wanted: stays down until somebody starts the job again.
settled() {
  text_of "$base/slots/$slot/finished"
  [ "${text%% *}" = "$want_generation" ]
}

supervise() {
  note "$slot has no supervisor, starting one"
  mkdir -p "$base/slots/$slot"
  setsid "$shell" "$base/kit/current/slot.sh" "$base" "$slot" </dev/null >>"$base/slots/$slot/supervisor.log" 2>&1 8>&- 9>&- &
}

dismiss_unwanted() {
  set +f
  for folder in "$base"/slots/p*; do
    slot=${folder##*/}
    number_of "$slot" || continue
    if [ "$want_state" = up ] && [ "$number" -le "${want_slots:-0}" ]; then continue; fi
    dismiss
  done
}

dismiss() {
  if lives "$folder/supervisor"; then
    case $want_mode in
      now) kill -TERM "$who" ;;
      *) kill -USR1 "$who" ;;
    esac
  elif lives "$folder/worker" || lives "$folder/child"; then
    # A worker without its supervisor has nobody to stop it: a new supervisor adopts it and then does.
    supervise
  fi
}

note() {
  printf '%s keep %s\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$*"
}

main "$@"
exit
