#!/bin/sh
# run.sh BASE SLOT: the worker of kind exec. Leases an ID, runs the command for it, settles, and so on, with curl and nothing
# else (the calls are those of docs/protocol.md, as forms and plain text). What always holds:
#  - One ID, one process group, one empty scratch directory.
#  - The command is dead before its lease can be given away: time counts from before the request that granted it was sent,
#    and without an answer to a renewal TERM and KILL come early enough.
#  - The token is in a file that curl reads, never in an argument.
#
#   obtain ──lease──▶ watch ──exit code──▶ settle ──next lease──▶ watch
#     ▲                 │                    └──none─────────────▶ obtain
#     └─ lease lost, command killed, nothing settled
#
# TERM (stop): end the command, release the ID, exit 143. USR1 (drain): finish the running ID, exit 75.
# Exit 0: the job is finished. Exit 100: the dispatcher does not know us, a person has to look.
# The traps only set flags and end what is being waited for: everything is decided in the open.
# shellcheck disable=SC1091,SC2030,SC2031,SC2154,SC2317
. "${0%/*}/lib.sh"

poll_wait_ms=20000
backoff_max_ms=30000
message_bytes=2048

main() {
  base=$1 slot=$2 kit=${0%/*}
  dir=$base/slots/$slot
  scratch=$dir/scratch
  stop='' drain='' wake='' nap='' unsure='' leased='' misses=0
  trap 'stop=yes; interrupt' TERM
  trap 'drain=yes; interrupt' USR1
  trap interrupt USR2
  grace_ms=30000 timeout_ms=0 shell=/bin/sh ca=''
  etc=$dir/etc
  load_settings "$etc"
  instance=$(cat /proc/sys/kernel/random/uuid)
  started "$$"
  self_start=$started
  tidy
  while :; do
    if [ -z "$leased" ]; then obtain; fi
    work
  done
}

interrupt() {
  wake=yes
  [ -z "$nap" ] || kill "$nap" 2>/dev/null
}

# What a killed predecessor left behind.
tidy() {
  [ ! -s "$dir/err" ] || cat "$dir/err"
  wipe "$scratch" "$dir/err" "$dir/payload" "$dir/message"
}

wipe() {
  rm -rf "$@" 2>/dev/null && return
  # A command may have left folders that cannot be entered.
  chmod -R u+rwX "$@" 2>/dev/null
  rm -rf "$@"
}

# ---- Leases

# Returns when there is a lease; ends the worker when there never will be one.
obtain() {
  while :; do
    wake=''
    [ -z "$stop$drain" ] || quit
    ask_lease 40000 "$poll_wait_ms"
    case $code in
      200 | 204 | 410 | 503) unsure='' ;;
    esac
    case $code in
      200)
        answered
        if accept; then return 0; fi
        misses=1
        pause
        ;;
      204)
        answered
        # A dispatcher that does not hold the request open must not be asked in a loop.
        [ "$took_ms" -ge 1000 ] || doze 1000
        ;;
      410)
        note "the job is finished"
        exit 0
        ;;
      401 | 403 | 404) refused ;;
      *)
        if [ -z "$wake" ]; then
          missed
          pause
        fi
        ;;
    esac
  done
}

# ask_lease LIMIT_MS WAIT_MS
ask_lease() {
  # Until an answer is here, the dispatcher may have granted what we do not know of.
  unsure=yes
  call yielding "$1" lease --data-urlencode "slot=$node/$slot" --data-urlencode "instance=$instance" --data-urlencode "wait_ms=$2"
}

# accept: $body, a line "id TAB fence TAB attempt TAB ttl_ms" and the payload if there is one, becomes the lease in hand.
accept() {
  rest=${body%%"$newline"*}
  id=${rest%%"$tab"*} rest=${rest#*"$tab"}
  fence=${rest%%"$tab"*} rest=${rest#*"$tab"}
  attempt=${rest%%"$tab"*} ttl_ms=${rest#*"$tab"}
  case ,$fence,$attempt,$ttl_ms, in
    *,,* | *[!0-9,]*)
      note "expected a lease of the form id, fence, attempt, ttl_ms, got: $body"
      return 1
      ;;
  esac
  payload=''
  case $body in *"$newline"?*) payload=${body#*"$newline"} ;; esac
  deadline=$((asked + ttl_ms))
  leased=yes
}

# Leaves nothing behind that a lost answer may have granted: the same instance asking again gets the same lease.
quit() {
  if [ -n "$unsure" ]; then
    call sure 3000 lease --data-urlencode "slot=$node/$slot" --data-urlencode "instance=$instance" --data-urlencode wait_ms=0
    if [ "$code" = 200 ] && accept; then settle release; fi
  fi
  [ -z "$stop" ] || exit 143
  exit 75
}

# ---- One ID

work() {
  leased=''
  if [ -n "$stop$drain" ]; then
    settle release
    quit
  fi
  # A lease that came with a settle may have aged while we cleaned up. Asking again gives the same one in full.
  now
  [ "$now" -lt $((deadline - ttl_ms / 2)) ] || return 0
  # Named by the fence: what could not be removed must never speak for another ID.
  place=$scratch/$fence exit_file=$scratch/$fence.exit
  if ! mkdir -p "$place" || ! command : >"$dir/err" || ! store_payload; then
    note "cannot make a place for ${id}: is the disk full?"
    drained=$drain drain=yes
    settle release
    drain=$drained wake=''
    doze 10000
    return 0
  fi
  launch
  watch
  case $ending in
    exited) settle_exit ;;
    stopped) settle release ;;
    timeout) fail timeout "killed after $timeout_ms ms, the limit for one ID" ;;
    lost) fail lost "the process that watched over the command was killed" ;;
    stale) note "the lease of $id (fence $fence) was given to another worker, its command was killed" ;;
    expired) note "could not renew the lease of $id (fence $fence) in time, its command was killed" ;;
  esac
  [ ! -s "$dir/err" ] || cat "$dir/err"
  wipe "$place" "$dir/err" "$exit_file" "$dir/payload" "$dir/message"
}

store_payload() {
  [ -z "$payload" ] || printf '%s' "$payload" >"$dir/payload"
}

# The wrapper is the command's parent, so it learns the exit code; it says so by a file and a signal to us. Should it be
# killed, we notice at the next tick.
launch() {
  command_pid=''
  (
    # Handled, not ignored, so that the command gets it.
    trap : HUP TERM USR1 USR2
    FLEET_ID=$id FLEET_FENCE=$fence FLEET_ATTEMPT=$attempt FLEET_SCRATCH=$place
    export FLEET_ID FLEET_FENCE FLEET_ATTEMPT FLEET_SCRATCH
    if [ -n "$payload" ]; then
      FLEET_PAYLOAD_FILE=$dir/payload
      export FLEET_PAYLOAD_FILE
    fi
    setsid "$shell" "$kit/child.sh" "$base" "$slot" </dev/null 2>>"$dir/err" &
    child=$!
    while :; do
      wait "$child"
      exit_code=$?
      kill -0 "$child" 2>/dev/null || break
    done
    end_leftovers
    printf '%s\n' "$exit_code" >"$exit_file.new" && mv "$exit_file.new" "$exit_file"
    if is_still "$$" "$self_start"; then kill -USR2 "$$"; fi
  ) &
  wrapper=$!
}

# What the command left in its group: asked to end, then ended, before the next ID starts.
end_leftovers() {
  kill -TERM "-$child" 2>/dev/null || return 0
  for _ in 1 2 3 4 5 6 7 8 9 10; do
    kill -0 "-$child" 2>/dev/null || return 0
    sleep 0.1
  done
  kill -KILL "-$child" 2>/dev/null
}

# watch -> $ending: exited | stopped | timeout | lost | stale | expired. The command is dead when it returns.
watch() {
  now
  begun=$now ending=''
  # KILL comes `margin` before the deadline, TERM `hurry_ms` before that.
  hurry_ms=$((ttl_ms / 3)) margin=$((ttl_ms / 10))
  [ "$hurry_ms" -le "$grace_ms" ] || hurry_ms=$grace_ms
  [ "$margin" -le 2000 ] || margin=2000
  renew_at=$((asked + ttl_ms / 3))
  while :; do
    wake=''
    if [ -e "$exit_file" ]; then
      ending=exited
      return 0
    fi
    now
    give_up_at=$((deadline - margin - hurry_ms))
    if [ -n "$stop" ]; then
      finish_by stopped "$grace_ms"
    elif [ "$now" -ge "$give_up_at" ]; then
      finish_by expired "$hurry_ms"
    elif [ "$timeout_ms" -gt 0 ] && [ "$now" -ge $((begun + timeout_ms)) ]; then
      finish_by timeout "$grace_ms"
    elif ! started "$wrapper"; then
      [ ! -e "$exit_file" ] || continue
      finish_by lost "$grace_ms"
    elif [ "$now" -ge "$renew_at" ]; then
      renew || finish_by stale 0
    else
      tick
    fi
    [ -z "$ending" ] || return 0
  done
}

# Sleeps until something is due; a command that ends, or a signal, ends the sleep.
tick() {
  due=$((now + 15000))
  [ "$due" -le "$renew_at" ] || due=$renew_at
  [ "$due" -le "$give_up_at" ] || due=$give_up_at
  if [ "$timeout_ms" -gt 0 ] && [ "$due" -gt $((begun + timeout_ms)) ]; then due=$((begun + timeout_ms)); fi
  [ "$due" -gt "$now" ] || due=$((now + 10))
  doze $((due - now))
}

# Fails only when the dispatcher says that the lease is lost. No answer is not an answer: it is asked again soon.
renew() {
  limit_ms=$((give_up_at - now))
  [ "$limit_ms" -le 10000 ] || limit_ms=10000
  call yielding "$limit_ms" renew --data-urlencode "id=$id" --data-urlencode "fence=$fence"
  granted_ms=${body##*:} granted_ms=${granted_ms# } granted_ms=${granted_ms%%[!0-9]*}
  case $code:$granted_ms in
    409:*) return 1 ;;
    200:?*)
      ttl_ms=$granted_ms
      deadline=$((asked + ttl_ms)) renew_at=$((asked + ttl_ms / 3))
      answered
      ;;
    *)
      [ -n "$wake" ] || missed
      renew_at=$((now + ttl_ms / 10 + 100))
      ;;
  esac
}

# finish_by ENDING MS: TERM to the command's group, KILL after MS or when the lease is about to end, whichever is first.
finish_by() {
  ending=$1
  now
  kill_at=$((now + $2))
  [ "$kill_at" -le $((deadline - margin)) ] || kill_at=$((deadline - margin))
  command_pid='' unseen=0
  while [ ! -e "$exit_file" ]; do
    now
    if lives "$dir/child" && [ "$extra" = "$fence" ]; then
      [ -n "$command_pid" ] || signal TERM "$who" "$born"
      command_pid=$who
    elif ! started "$wrapper"; then
      # Nobody is left to tell us. The command may be so young that it has not signed yet.
      unseen=$((unseen + 1))
      [ "$unseen" -lt 10 ] || break
    fi
    if [ -n "$command_pid" ] && [ "$now" -ge "$kill_at" ]; then kill -KILL "-$command_pid" 2>/dev/null; fi
    sleep 0.05
  done
  [ -z "$command_pid" ] || kill -KILL "-$command_pid" 2>/dev/null
}

# ---- Settling

settle_exit() {
  exit_code=$(cat "$exit_file")
  case $exit_code in
    0) settle complete ;;
    75) settle release ;;
    100) fail exit-100 "" --data-urlencode permanent=true ;;
    *)
      if [ "$exit_code" -gt 128 ]; then
        fail "signal-$((exit_code - 128))" ""
      else
        fail "exit-$exit_code" ""
      fi
      ;;
  esac
}

# fail CLASS REASON [MORE...]: the message is the reason, if we have one, and the last lines of the command's stderr.
fail() {
  class=$1
  last_words
  message=$2${2:+${message:+$newline}}$message
  shift 2
  if printf '%s' "${message:-(nothing on stderr)}" >"$dir/message"; then
    # From a file: an argument would be seen by everybody on this machine.
    settle fail --data-urlencode "error.class=$class" --data-urlencode "error.message@$dir/message" "$@"
  else
    settle fail --data-urlencode "error.class=$class" --data-urlencode "error.message=(the disk is full)" "$@"
  fi
}

# last_words -> $message. Starts at a line where possible, so that no character is cut in two; the dispatcher replaces
# bytes that are not UTF-8.
last_words() {
  message=$(tail -c "$message_bytes" "$dir/err" 2>/dev/null | tr -d '\000')
  if [ "$(wc -c <"$dir/err")" -gt "$message_bytes" ]; then
    case $message in *"$newline"?*) message=${message#*"$newline"} ;; esac
  fi
}

# settle complete|fail|release [MORE...]: asks until there is an answer, since the same fence settles only once. Asks for
# the next lease in the same breath, unless we are about to end.
settle() {
  action=$1 tries=0
  shift
  set -- --data-urlencode "id=$id" --data-urlencode "fence=$fence" "$@"
  while :; do
    tries=$((tries + 1)) wake=''
    if [ -n "$stop$drain" ]; then
      asks=''
      call sure 2000 "$action" "$@"
    else
      asks=yes unsure=yes
      call sure 15000 "$action" "$@" --data-urlencode "next.slot=$node/$slot" --data-urlencode "next.instance=$instance" \
        --data-urlencode next.wait_ms=0
    fi
    case $code in
      200)
        answered
        [ -z "$asks" ] || unsure=''
        if [ -n "$asks" ] && [ -n "$body" ]; then accept; fi
        return 0
        ;;
      409)
        answered
        note "too late to $action $id: its lease (fence $fence) was given away"
        return 0
        ;;
      408 | 429) ;;
      401 | 403 | 404) refused ;;
      4??)
        # Asking again would change nothing. A new process in this slot ends the lease as a crash.
        note "the dispatcher refused to $action $id: $code $body"
        exit 1
        ;;
    esac
    missed
    now
    if [ -n "$stop" ] && [ "$tries" -ge 3 ]; then return 0; fi
    if [ -n "$drain" ] && [ "$now" -ge "$deadline" ]; then return 0; fi
    pause
  done
}

# ---- The dispatcher

# call yielding|sure LIMIT_MS ACTION ARGS... -> $code (000 without an answer), $body, $asked (when it was sent), $took_ms.
# A signal ends a yielding call.
call() {
  mode=$1 action_path=$3
  seconds $(($2 < 200 ? 200 : $2))
  shift 3
  if [ -n "$ca" ]; then set -- --cacert "$etc/ca.pem" "$@"; fi
  now
  asked=$now
  curl -q --config "$etc/curl.conf" --max-time "$seconds" --dump-header "$dir/head" --write-out '\n%{http_code}' \
    "$@" "$url/v1/$action_path" </dev/null >"$dir/answer" 2>/dev/null &
  calling=$!
  if [ "$mode" = yielding ]; then
    nap=$calling
    [ -z "$wake" ] || kill "$calling" 2>/dev/null
  fi
  while :; do
    wait "$calling"
    curl_exit=$?
    kill -0 "$calling" 2>/dev/null || break
  done
  nap=''
  answer=$(cat "$dir/answer")
  code=${answer##*"$newline"} body=${answer%"$newline"*}
  [ "$curl_exit" -eq 0 ] || code=000
  now
  took_ms=$((now - asked))
}

# missed and answered: one line when the dispatcher goes away, one when it is back, however long that takes.
missed() {
  misses=$((misses + 1))
  [ "$misses" -eq 1 ] && [ -z "$stop" ] || return 0
  if [ "$code" = 000 ]; then
    note "no answer from $url (curl exit $curl_exit), asking again until there is one"
  else
    note "$url answers $code: $body; asking again until it is well"
  fi
}

answered() {
  [ "$misses" -eq 0 ] || note "$url answers again"
  misses=0
}

# Waits before the dispatcher is asked again: as long as it says, else 0.5 s doubling to 30 s; never in step with others.
pause() {
  wait_ms=500
  if [ "$misses" -gt 6 ]; then wait_ms=$backoff_max_ms; else wait_ms=$((wait_ms << (misses - 1))); fi
  if [ "$code" = 503 ]; then
    after=$(sed -n 's/^[Rr]etry-[Aa]fter: *\([0-9]\{1,4\}\).*/\1/p' "$dir/head")
    [ -z "$after" ] || wait_ms=$((after * 1400))
  fi
  if [ -n "$stop" ]; then wait_ms=500; fi
  spread "$wait_ms"
  doze "$spread"
}

refused() {
  note "$url refuses this node ($code): ${body:-no reason given}. The token or the job does not fit; push again, then start"
  exit 100
}

# ---- Small things

doze() {
  seconds "$1"
  sleep "$seconds" &
  nap=$!
  [ -n "$wake" ] || wait "$nap"
  kill "$nap" 2>/dev/null
  nap=''
}

note() {
  printf '%s %s fleet: %s\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$slot" "$*"
}

main "$@"
