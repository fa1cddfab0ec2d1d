#!/bin/sh
# status.sh BASE: everything that `fleet status` wants to know about a node, in one go and without a fork for each slot.
# What a slot says of itself (its state file) is believed only as far as /proc agrees. Output, ended by a line `end` so that
# a cut answer is not taken for a whole one:
#   fleet-node 1
#   key=value ...
#   slot TAB name TAB state TAB pid TAB since TAB starts TAB last_exit TAB release TAB detail
# It has no traps, so it may use `read`.
# shellcheck disable=SC1091,SC2034,SC2154,SC2209
. "${0%/*}/lib.sh"

text_of() { first_line_of "$1"; }

main() {
  base=$1
  want_state='' want_slots=0 want_generation=0
  load_desired || want_state=down
  echo 'fleet-node 1'
  echo "job=${base##*/}"
  echo "state=$want_state"
  echo "generation=$want_generation"
  echo "slots=$want_slots"
  echo "release=$(target_of current)"
  echo "kit=$(target_of kit/current)"
  echo "keeper=$(keeper)"
  now
  echo "uptime=$((now / 1000))"
  echo "boot=$boot"
  wanted_slots
  surplus_slots
  echo end
}

target_of() (
  cd -P "$base/$1" 2>/dev/null && echo "${PWD##*/}"
)

keeper() {
  if crontab -l 2>/dev/null | grep -F -q "/kit/current/keep.sh' $(cron_word "$base") # fleet:${base##*/}"; then
    echo cron
  else
    echo none
  fi
}

wanted_slots() {
  n=0
  while [ "$n" -lt "$want_slots" ]; do
    n=$((n + 1))
    case $n in ?) slot=p0$n ;; *) slot=p$n ;; esac
    observe
    print_slot
  done
}

# Slots beyond the wanted number, as long as anything lives there.
surplus_slots() {
  set +f
  for folder in "$base"/slots/p*; do
    slot=${folder##*/}
    if ! number_of "$slot" || [ "$number" -le "$want_slots" ]; then continue; fi
    observe
    [ -z "$supervised$working" ] || print_slot
  done
}

observe() {
  dir=$base/slots/$slot
  supervised='' working='' worker=''
  if lives "$dir/supervisor"; then supervised=yes; fi
  if lives "$dir/worker"; then working=yes worker=$who; fi
  read_state
  case $supervised$working:$state in
    *:unknown) ;;
    :finished | :misconfigured)
      text_of "$dir/finished"
      [ "$text" = "$want_generation $state" ] || state=down
      ;;
    :*) state=down ;;
    yesyes:adopted) ;;
    yesyes:*) state=running ;;
    yes:*) observe_half ;;
  esac
  pid=$worker
}

# One of the two is alive.
observe_half() {
  if [ -n "$working" ]; then
    state=running detail='no supervisor'
  else
    # Between two workers: what the state file says of the last one is over.
    case $state in backoff | blocked | finished | misconfigured) ;; *) state=backoff ;; esac
  fi
}

read_state() {
  state='' since='' starts=0 last_exit='' release='' detail=''
  while IFS='=' read -r key value; do
    case $key in
      state) state=$value ;;
      since) since=$value ;;
      starts) starts=$value ;;
      last_exit) last_exit=$value ;;
      release) release=$value ;;
      detail) detail=$value ;;
    esac
  done 2>/dev/null <"$dir/state"
  case $state in
    running | adopted | backoff | finished | misconfigured | blocked | down) ;;
    '') if [ -s "$dir/state" ]; then state=unknown; else state=down; fi ;;
    *) state=unknown ;;
  esac
  case $since$starts$last_exit in *[!0-9]*) state=unknown since='' starts=0 last_exit='' ;; esac
}

print_slot() {
  printf 'slot\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n' \
    "$slot" "$state" "$pid" "$since" "${starts:-0}" "$last_exit" "$release" "$detail"
}

main "$@"
exit
