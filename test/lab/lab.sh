#!/bin/bash
# lab.sh - real OpenSSH hosts on one Linux machine, for tests.
#
# A node has its own network, PID, mount, UTS and IPC namespace, its own /root, /home, /tmp, /opt and /srv, its own
# layer over /etc and /var, its own host key, an sshd with default limits and a cron; tini is its PID 1.
# What always holds:
#   - Nothing outside the state folder is written, and the machine's own /etc stays as it is.
#   - A node is on exactly as long as the kernel says that the lock on its file `power` is held.
#   - A lab belongs to whoever holds the lock on its folder, or to the person who ran `up`; any other lab is stale,
#     and the next lab that is started removes it.
#   - A lab has its number because it made the bridge of that name, and touches no other lab's, wherever that has its state.
#
# usage: lab.sh [-l NUMBER] COMMAND
#   check                      can labs run on this machine? Says why not, exit 1
#   up N [OPTION...]           start N nodes; OPTION is a line of sshd_config, e.g. 'MaxStartups 3:50:10'
#   attend N [OPTION...]       likewise under the first free number, until stdin ends; then nothing is left
#   down                       power everything off and remove the network; files stay for a look
#   wipe                       down, then delete the files
#   down-all                   wipe every lab of this machine, also those in use
#   status                     one line per node: name, address, PID 1, number of processes, link
#   hosts                      one line per node: name, address
#   kill|start|reboot K...     power off (KILL to PID 1), power on, both; files survive
#   pause|resume K...          STOP or CONT every process of a node: a machine that hangs
#   netdown|netup K...         cut and restore the link of a node
#   rate K MBIT                limit what a node receives; 0 removes the limit
#   sh K [COMMAND]             run a command line (default: a shell) inside a node, without SSH
#
# NUMBER (1 to 250, default 1) chooses the subnet 10.88.NUMBER.0/24, the bridge and the state folder, so that labs do
# not meet. Node K has address .K, this machine has .254. FLEET_LAB_STATE moves the state (default /tmp/fleet-lab).
# FLEET_LAB_TREE is for up and attend: the root folder of another Linux, with openssh-server, cron and tini, that the nodes
# run instead of this machine's own; it is not written. test/support/trixie.sh makes one.
set -euo pipefail

HERE=$(cd "$(dirname "$(readlink -f "$0")")" && pwd)
BASE=${FLEET_LAB_STATE:-/tmp/fleet-lab}
MAX_NODES=250

# shellcheck source=node.sh
. "$HERE/node.sh"

main() {
  local number=1
  if [ "${1:-}" = -l ]; then number=${2:?-l needs a number}; shift 2; fi
  choose "$number"
  local command=${1:-help}; [ $# -eq 0 ] || shift
  case $command in
    check)    check ;;
    up)       own || fail "lab $LAB is in use"; down; claim || fail "$BRIDGE belongs to another lab"; up "$@"; touch "$STATE/kept"; status ;;
    attend)   attend "$@" ;;
    down)     down ;;
    wipe)     wipe ;;
    down-all) local folder; for folder in "$BASE"/*/; do [ ! -d "$folder" ] || { choose "$(basename "$folder")"; wipe; }; done ;;
    status)   status ;;
    hosts)    local k; for k in $(nodes); do echo "$(name "$k") $(address "$k")"; done ;;
    kill)     each power_off "$@" ;;
    start)    each boot "$@"; each await_sshd "$@" ;;
    reboot)   each power_off "$@"; each boot "$@"; each await_sshd "$@" ;;
    pause)    each pause "$@" ;;
    resume)   each resume "$@" ;;
    netdown)  each net_down "$@" ;;
    netup)    each net_up "$@" ;;
    rate)     limit "$@" ;;
    sh)       enter "$@" ;;
    *)        sed -n '2,/^set /s/^# \{0,1\}//p' "$HERE/lab.sh" ;;
  esac
}

# Everything that tells one lab from another follows from its number.
choose() {
  if ! in_range "$1" 250; then fail "expected a lab number from 1 to 250, got '$1'"; fi
  LAB=$1 STATE=$BASE/$1 BRIDGE=fleetlab$1 SUBNET=10.88.$1
}

# Takes the lock on the lab's folder (fd 8, until this shell ends), or returns 1. A folder that was deleted while we
# waited for it is not ours, whatever the lock says.
own() {
  mkdir -p "$STATE"
  [ -O "$BASE" ] || fail "$BASE must belong to root"
  exec 8<"$STATE" || return 1
  flock -n 8 && [ "$(stat -Lc %i /proc/self/fd/8)" = "$(stat -c %i "$STATE" 2>/dev/null)" ]
}

up() {
  local count=${1:?up needs a number of nodes} k; shift
  if ! in_range "$count" "$MAX_NODES"; then fail "expected 1 to $MAX_NODES nodes, got '$count'"; fi
  mkdir -p "$STATE/nodes" "$STATE/shared"
  chmod 755 "$STATE"; chmod 1777 "$STATE/shared"
  printf '%s\n' "$@" >"$STATE/sshd-options"
  printf '%s\n' "${FLEET_LAB_TREE:-}" >"$STATE/tree"
  ssh-keygen -q -t ed25519 -N '' -C fleet-lab -f "$STATE/id_ed25519"
  ip addr add "$SUBNET.254/24" dev "$BRIDGE"
  ip link set "$BRIDGE" up
  for ((k = 1; k <= count; k++)); do provision "$k" "$count"; done
  for ((k = 1; k <= count; k++)); do boot "$k"; done
  for ((k = 1; k <= count; k++)); do await_sshd "$k"; done
}

# For a program that wants a lab for as long as it lives: whichever way the program ends, our stdin ends with it.
attend() {
  trap 'exit 143' TERM INT HUP
  take_free_number
  trap wipe EXIT
  up "$@"
  echo "lab $LAB"
  echo "state $STATE"
  echo "control $SUBNET.254"
  local k; for k in $(nodes); do echo "node $(name "$k") $(address "$k")"; done
  echo ready
  while read -r _; do :; done
}

take_free_number() {
  local folder number
  for folder in "$BASE"/*/; do
    [ -d "$folder" ] || continue
    choose "$(basename "$folder")"
    [ -e "$STATE/kept" ] || ! own || wipe
  done
  for ((number = 1; number <= 250; number++)); do
    choose "$number"
    if [ -d "$STATE" ] || ip -o -4 addr show | grep -q " $SUBNET\."; then continue; fi
    if own && claim; then return; fi
  done
  fail 'no free lab number'
}

# Makes the bridge, or returns 1 if there is one: the kernel lets only one of many callers make it. By its address, which
# is random and noted first, we know our own again. A bridge without a given address would change it with its ports.
claim() {
  find "$STATE" -mindepth 1 -delete
  echo "02:fc$(od -An -N4 -tx1 /dev/urandom | tr ' ' :)" >"$STATE/bridge"
  local said; said=$(ip link add "$BRIDGE" address "$(cat "$STATE/bridge")" type bridge 2>&1) && return
  wipe
  case $said in *'File exists'*) return 1 ;; *) fail "$BRIDGE could not be made: $said" ;; esac
}

owns_bridge() { [ -s "$STATE/bridge" ] && ip -o link show "$BRIDGE" 2>/dev/null | grep -q " $(cat "$STATE/bridge") "; }

down() {
  local k; for k in $(nodes); do power_off "$k"; done
  if owns_bridge; then ip link del "$BRIDGE"; fi
}

wipe() {
  down
  rm -rf --one-file-system "${STATE:?}"
  rmdir "$BASE" 2>/dev/null || true
}

status() {
  local k p
  for k in $(nodes); do
    p=$(pid1 "$k")
    echo "$(name "$k") $(address "$k") pid1=${p:-off} processes=$(pids "$k" | wc -l) link=$([ -e "$(folder "$k")/cut" ] && echo cut || echo up)"
  done
}

# Tries everything that a node needs, in namespaces that vanish with the trial.
check() {
  [ "$(id -u)" = 0 ] || fail 'root is needed to make namespaces and network links'
  local tool missing=
  for tool in ip sshd ssh-keygen cron tini unshare nsenter flock setsid curl; do
    command -v "$tool" >/dev/null || missing="$missing $tool"
  done
  [ -z "$missing" ] || fail "missing on this machine:$missing"
  local trial; trial=$(mktemp -d "${TMPDIR:-/tmp}/fleet-lab-check.XXXXXX")
  mkdir "$trial/up" "$trial/work"
  local said status=0
  # shellcheck disable=SC2016  # the inner shell expands it
  said=$(unshare --net --mount --pid --uts --ipc --fork --propagation private sh -ec '
    ip link add lab type bridge
    ip link add eth0 type veth peer name eth1
    mount -t overlay -o "lowerdir=/etc,upperdir=$1/up,workdir=$1/work" overlay /etc
    mount -t tmpfs tmpfs /run
    mount -t proc proc /proc' sh "$trial" 2>&1) || status=$?
  rm -rf "$trial"
  [ "$status" = 0 ] || fail "namespaces, bridges or overlays are not allowed here: $(printf %s "$said" | tr '\n' ' ')"
}

each() { local action=$1 k; shift; [ $# -gt 0 ] || fail 'which node?'; for k in "$@"; do "$action" "$k"; done; }
in_range() { [[ $1 =~ ^[1-9][0-9]{0,2}$ ]] && [ "$1" -le "$2" ]; }
fail() { echo "lab.sh: $*" >&2; exit 1; }

export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
main "$@"
