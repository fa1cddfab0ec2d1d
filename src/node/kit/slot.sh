#!/bin/sh
# slot.sh BASE SLOT: the supervisor of one slot. At most one worker lives in a slot, whatever crashed or was started twice:
#   sup.lock (fd 9)  "I am the supervisor". Closed in every child that lives longer than a moment.
#   run.lock (fd 8)  "a worker lives". Inherited by the worker and its children, closed here after the fork. As long as the
#                    kernel says that it is held, no new worker starts, whatever became of any supervisor.
#
#                   not wanted, nothing alive
#      (start) ──▶ look ───────────────────────▶ down | finished | misconfigured, exit
#                  │ ▲ └─ lock held, worker alive ──▶ adopted ──ends──▶ look
#                  │ │ └─ lock held, worker dead ───▶ end its command, else blocked ──▶ look
#       lock free  ▼ │
#              running ──ends──▶ sweep ──▶ at once after a long run, else backoff ──▶ look
#
# TERM: stop the worker now (TERM, grace, KILL) and exit. USR1: read etc/desired again, and drain if not wanted.
# A trap acts on the worker itself, but only while we wait: elsewhere it would change variables under running code, and a
# flag is enough there. So no signal between a check and `wait` is slept over.
# Nothing that happens to a worker, a file or a disk may end a supervisor: redirections of special builtins are written
# `command exec`, because dash and ash exit when such a one fails (POSIX 2.8.1).
# shellcheck disable=SC1091,SC2013,SC2034,SC2046,SC2086,SC2154,SC2317
. "${0%/*}/lib.sh"

# A run at least this long was a success of starting; shorter ones back off, 1 s doubling to 60 s, for ever.
long_run_ms=10000
backoff_max_ms=60000
# What run.sh takes at most after its command is gone, to give the ID back to a dispatcher that does not answer.
settle_ms=12000

main() {
  base=$1 slot=$2 kit=${0%/*}
  dir=$base/slots/$slot
  number_of "$slot" || exit 2
  cd / || exit 1
  mkdir -p "$dir" || exit 1
  command exec </dev/null >>"$dir/supervisor.log" 2>&1 || exit 1
  stop='' caught='' woken='' waiting='' nap='' pid='' told='' stopping=''
  want_state='' want_mode='' want_slots=0 want_generation=''
  # Handled, not ignored: what is ignored here would be ignored in every worker.
  trap interrupt HUP INT USR1
  trap 'stop=yes; interrupt' TERM
  take_seat || exit 0
  recall
  supervise
}

take_seat() {
  command exec 9>>"$dir/sup.lock" || return 1
  flock -n 9 || return 1
  sign "$dir/supervisor"
}

# The counter goes on where the last supervisor of this slot stopped.
recall() {
  starts=0 counted='' last_exit='' delay_ms=0 suspicion=0 release='' state='' detail=''
  for pair in $(cat "$dir/state" 2>/dev/null); do
    case $pair in
      starts=*[!0-9]*) ;;
      starts=?*) starts=${pair#starts=} ;;
      counted=*) counted=${pair#counted=} ;;
      last_exit=*) last_exit=${pair#last_exit=} ;;
    esac
  done
}

supervise() {
  while :; do
    caught=''
    grace_ms=30000 kind=exec shell=/bin/sh
    load_settings "$base/etc"
    load_desired
    if ! command exec 8>>"$dir/run.lock"; then
      save backoff "cannot open run.lock"
      doze 5000
      [ -z "$stop" ] || leave
      continue
    fi
    held=yes
    if flock -n 8 9>&-; then held=''; fi
    if lives "$dir/worker"; then
      adopt "$who" "$born"
    elif lives "$dir/child"; then
      say "the worker died and left its command $who behind, ending it"
      end_group "$who" "$born" "$grace_ms"
    elif [ -n "$held" ]; then
      clear_lock
    elif [ -n "$stop" ] || ! wanted; then
      leave
    else
      suspicion=0
      run_worker
    fi
  done
}

wanted() {
  [ "$want_state" = up ] && [ "$number" -le "$want_slots" ] && ! settled
}

# Finished or misconfigured in the generation that is wanted now.
settled() {
  set -- $(cat "$dir/finished" 2>/dev/null)
  ending=${2:-}
  [ -n "${1:-}" ] && [ "$1" = "$want_generation" ]
}

interrupt() {
  caught=yes woken=yes
  while [ -n "$waiting" ] && [ -n "$caught" ]; do
    waiting='' caught=''
    heed
    waiting=yes
  done
}

# After a signal: is the worker to be told something?
heed() {
  load_desired
  if [ -n "$pid" ]; then
    if [ -n "$stop" ]; then
      stop_worker
    elif ! wanted; then
      case $want_mode in now) stop_worker ;; *) drain_worker ;; esac
    fi
  fi
  [ -z "$nap" ] || kill "$nap" 2>/dev/null
}

# Once for each worker: to many programs a second TERM means "drop everything".
drain_worker() {
  [ -z "$told" ] || return 0
  told=yes
  say "draining worker $pid"
  save "$state" draining
  case $kind in
    exec) kill -USR1 "$pid" ;;
    *) kill -TERM "$pid" ;;
  esac 2>/dev/null
}

stop_worker() {
  [ -z "$stopping" ] || return 0
  stopping=yes told=yes
  say "stopping worker $pid"
  save "$state" stopping
  patience=$grace_ms
  [ "$kind" != exec ] || patience=$((grace_ms + settle_ms))
  end_group "$pid" "$pid_born" "$patience"
  if lives "$dir/child"; then end_group "$who" "$born" 0; fi
}

# end_group PID START MS: TERM to the group that PID leads, KILL to what is left of it after MS.
end_group() {
  signal TERM "$1" "$2"
  until_gone "$1" "$2" "$3" && return
  say "killing what is left of group $1 after $3 ms"
  signal KILL "$1" "$2"
  until_gone "$1" "$2" 5000 || say "group $1 survived KILL, which only a hanging disk or mount explains"
}

until_gone() {
  now
  end_at=$((now + $3))
  while is_still "$1" "$2" || group_lives "$1"; do
    now
    [ "$now" -lt "$end_at" ] || return 1
    sleep 0.1 8>&- 9>&-
  done
}


# The builtin answers for nearly nothing, but counts zombies; only then is it worth reading /proc.
group_lives() { kill -0 "-$1" 2>/dev/null && [ -n "$("$shell" "$kit/find.sh" group "$1" 8>&- 9>&-)" ]; }

run_worker() {
  release=$(cd -P "$base/current" 2>/dev/null && pwd -P)
  # Counted anew with every generation: what an operator starts is no restart.
  [ "$counted" = "$want_generation" ] || starts=0
  starts=$((starts + 1)) counted=$want_generation told='' stopping='' generation=$want_generation
  now
  began=$now
  setsid env -i PATH="$tools" HOME="${HOME:-/}" \
    "$shell" "$base/kit/current/worker.sh" "$base" "$slot" "$release" </dev/null >>"$dir/out.log" 2>&1 9>&- &
  pid=$!
  command exec 8>&-
  started "$pid"
  pid_born=$started
  release=${release##*/}
  save running
  await_worker
  now
  ran_ms=$((now - began)) last_exit=$exit_code
  say "worker $pid ended with $exit_code after $ran_ms ms"
  sweep
  pid=''
  judge
}

# `wait` ends early when a trap runs; the status of a child that was reaped meanwhile is kept by the shell, or gone (127).
await_worker() {
  exit_code=127
  while :; do
    woken='' waiting=yes
    # Also a signal that came while there was no pid yet to pass it on to.
    if [ -n "$caught" ]; then
      waiting='' caught=''
      heed
      continue
    fi
    wait "$pid"
    status=$?
    waiting=''
    [ "$status" -eq 127 ] || exit_code=$status
    [ -n "$woken" ] || return 0
    if kill -0 "$pid" 2>/dev/null; then exit_code=127; fi
  done
}

# No descendant of a worker may live when the next one starts. First the command: its wrapper then ends by itself.
sweep() {
  if lives "$dir/child"; then
    say "worker $pid left its command $who behind, ending it"
    end_group "$who" "$born" "$grace_ms"
  fi
  if group_lives "$pid"; then end_group "$pid" 0 "$grace_ms"; fi
}

# A worker that was told to end is not judged by how it did: the look at etc/desired decides what comes next.
judge() {
  if [ -n "$told" ]; then
    delay_ms=0
    return 0
  fi
  case $exit_code in
    0) settle finished ;;
    100) settle misconfigured ;;
    *) back_off ;;
  esac
}

# For the generation that the worker was started in: a start that came in between must not be lost.
settle() {
  say "$1: stays down until the job is started again"
  printf '%s %s\n' "$generation" "$1" >"$dir/finished.new" && mv "$dir/finished.new" "$dir/finished" && return
  back_off
}

back_off() {
  if [ "$ran_ms" -ge "$long_run_ms" ]; then
    delay_ms=0
    return 0
  fi
  delay_ms=$((delay_ms == 0 ? 1000 : delay_ms * 2))
  [ "$delay_ms" -le "$backoff_max_ms" ] || delay_ms=$backoff_max_ms
  spread "$delay_ms"
  say "next start in $spread ms"
  save backoff "next start in $spread ms"
  doze "$spread"
}

# adopt PID START: a worker of a former supervisor. Its exit code will never be known. Its end is seen by looking once a
# second: waiting for the lock would be quicker, but when only the worker dies its command still holds that, and has to be
# ended then, since nobody renews its lease any more.
adopt() {
  pid=$1 pid_born=$2 release=$extra suspicion=0 told='' stopping=''
  load_settings "$dir/etc"
  say "adopted worker $pid"
  save adopted
  heed
  while is_still "$pid" "$pid_born"; do
    if [ -n "$caught" ]; then
      caught=''
      heed
    fi
    doze 1000
  done
  say "adopted worker $pid ended"
  sweep
  pid=''
}

# run.lock is held, but neither the worker nor its command are known to live: a worker that has not signed yet, or
# something that the worker left behind. What is in the worker's or its command's session is ended; anything else is left
# to a person, or to a stop.
clear_lock() {
  suspicion=$((suspicion + 1))
  if [ "$suspicion" -eq 1 ]; then
    doze 500
    return 0
  fi
  holders='' ours=''
  sessions=" $(cut -d ' ' -f 1 "$dir/worker" "$dir/child" 2>/dev/null | tr '\n' ' ') "
  # We hold it open ourselves until here.
  command exec 8>&-
  # Passed on by words: pid session pid session ...
  set -- $("$shell" "$kit/find.sh" holders "$dir/run.lock" 9>&-)
  while [ $# -ge 2 ]; do
    holders="$holders $1"
    case $sessions in *" $2 "*) ours="$ours $1" ;; esac
    shift 2
  done
  holders=${holders# } ours=${ours# }
  if [ -n "$stop" ] || { ! wanted && [ "$want_mode" = now ]; }; then ours=$holders; fi
  if [ -n "$ours" ]; then
    say "killing $ours: left behind by a worker, holding run.lock"
    kill -KILL $ours 2>/dev/null
    doze 100
  elif [ -n "$stop" ] || ! wanted; then
    leave "run.lock is still held by ${holders:-a process of another user}"
  else
    block "run.lock is held by ${holders:-a process of another user}"
  fi
}

block() {
  if [ "$state $detail" != "blocked $1" ]; then
    say "blocked: $1"
    save blocked "$1"
  fi
  doze 2000
}

# Gives up the seat in an order in which a start that comes meanwhile is not lost: etc/desired is read once more after the
# lock is free. A keeper that wrote before that is heard here; a later one finds no supervisor and starts another.
leave() {
  state=down
  if settled; then state=$ending; fi
  say "$state"
  pid=''
  save "$state" "${1:-}"
  rm -f "$dir/supervisor"
  command exec 8>&- 9>&-
  [ -z "$stop" ] || exit 0
  load_desired
  wanted || exit 0
  take_seat || exit 0
}

# doze MS: an interruptible sleep. A signal that came since the last look at things ends it before it starts.
doze() {
  seconds "$1"
  sleep "$seconds" 8>&- 9>&- &
  nap=$!
  wait_for_nap
  kill "$nap" 2>/dev/null
  nap=''
}

wait_for_nap() {
  waiting=yes
  [ -n "$caught" ] || wait "$nap"
  waiting=''
}

# save STATE [DETAIL]: what `fleet status` shows. A full disk leaves the old one, never half of a new one.
save() {
  state=$1 detail=${2:-}
  now
  printf 'state=%s\npid=%s\nsince=%s\nstarts=%s\ncounted=%s\nlast_exit=%s\nrelease=%s\ndetail=%s\n' \
    "$state" "$pid" "$((now / 1000))" "$starts" "$counted" "$last_exit" "$release" "$detail" >"$dir/state.new" &&
    mv "$dir/state.new" "$dir/state"
}

say() {
  printf '%s %s %s\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$slot" "$*" >>"$dir/supervisor.log"
}

main "$@"
exit
