# shellcheck shell=bash
# node.sh - one node of the lab: its files, its power, its link. Sourced by lab.sh, which says what always holds.
# K is a node's number. STATE, SUBNET, BRIDGE, LAB and HERE come from lab.sh.
# TREE is the root folder that the nodes see: empty for this machine's own.
# shellcheck disable=SC2153

name()    { printf 'node%02d' "$1"; }
address() { echo "$SUBNET.$1"; }
folder()  { echo "$STATE/nodes/$1"; }
link()    { echo "fleetlab${LAB}n$1"; }
tree()    { cat "$STATE/tree"; }
nodes()   { if [ -d "$STATE/nodes" ]; then find "$STATE/nodes" -mindepth 1 -maxdepth 1 -printf '%f\n' | sort -n; fi; }

# provision K COUNT: the files of a node and its line in known_hosts.
provision() {
  local d home root; d=$(folder "$1") root=$(tree)
  mkdir -p "$d"/{root,home/deploy,tmp,opt,srv/shared,crontabs,etc/ssh,etc.work,var,var.work}
  chmod 1777 "$d/tmp"
  chown --reference="$root/var/spool/cron/crontabs" "$d/crontabs"; chmod 1730 "$d/crontabs"
  for home in root home/deploy; do
    mkdir -m 700 "$d/$home/.ssh"
    install -m 600 "$STATE/id_ed25519.pub" "$d/$home/.ssh/authorized_keys"
    chmod 700 "$d/$home"
  done
  chown -R 1500:1500 "$d/home/deploy"

  # '*' is no password that anybody could type, and no lock either: a key gets in.
  local file; for file in passwd shadow group; do sed '/^deploy:/d' "$root/etc/$file" >"$d/etc/$file"; done
  chown --reference="$root/etc/shadow" "$d/etc/shadow"; chmod --reference="$root/etc/shadow" "$d/etc/shadow"
  echo 'deploy:x:1500:1500::/home/deploy:/bin/sh' >>"$d/etc/passwd"
  echo 'deploy:*:19000:0:99999:7:::' >>"$d/etc/shadow"
  echo 'deploy:x:1500:' >>"$d/etc/group"
  name "$1" >"$d/etc/hostname"
  { echo '127.0.0.1 localhost'; local k; for ((k = 1; k <= $2; k++)); do echo "$(address "$k") $(name "$k")"; done; } >"$d/etc/hosts"

  # This machine's own cron tables must not run in a node; a character device 0:0 hides a name of the layer below.
  for file in crontab cron.d cron.hourly cron.daily cron.weekly cron.monthly; do mknod "$d/etc/$file" c 0 0; done

  # sshd takes the first value of a keyword. Everything that is not said here is OpenSSH's default.
  { cat "$STATE/sshd-options"
    echo 'HostKey /etc/ssh/ssh_host_ed25519_key'
    echo 'KbdInteractiveAuthentication no'
    echo 'UsePAM yes'
    echo 'PrintMotd no'
    echo 'Subsystem sftp /usr/lib/openssh/sftp-server'; } >"$d/etc/ssh/sshd_config"
  ssh-keygen -q -t ed25519 -N '' -C "$(name "$1")" -f "$d/etc/ssh/ssh_host_ed25519_key"
  echo "$(address "$1") $(cut -d' ' -f1,2 "$d/etc/ssh/ssh_host_ed25519_key.pub")" >>"$STATE/known_hosts"
}

# Returns at once; await_sshd tells when the node is of use. A node that is on stays as it is.
boot() {
  local d; d=$(folder "$1")
  [ -d "$d" ] || fail "there is no node $1"
  exec 9>>"$d/power"
  if ! flock -w 1 9; then exec 9>&-; return; fi
  rm -f "$d/pid1"
  ip link del "$(link "$1")" 2>/dev/null || true
  # This shell stays outside, so its network namespace is where the outer end of the link belongs.
  declare -fx node_wire node_init
  export D="$d" K="$1" STATE BRIDGE LAB CONTROL=$$ TREE; TREE=$(tree)
  NODE=$(name "$1") ADDRESS=$(address "$1") LINK=$(link "$1") \
    setsid unshare --net bash -euc node_wire </dev/null >>"$d/console.log" 2>&1 &
  exec 9>&-
}

# Runs in the node's network namespace. The hardware address never changes, as no neighbour may remember an old one.
# A pipe of our caller that stayed open in a node would keep the caller waiting for its end.
node_wire() {
  local fd
  for fd in "/proc/$$/fd"/*; do
    case ${fd##*/} in 0 | 1 | 2 | 9) ;; *) eval "exec ${fd##*/}>&-" ;; esac
  done
  ip link add eth0 address "02:fb:00:00:$(printf '%02x:%02x' "$LAB" "$K")" type veth peer name "$LINK" netns "$CONTROL"
  ip link set lo up
  ip addr add "$ADDRESS/24" dev eth0
  ip link set eth0 up
  outside() { nsenter --net="/proc/$CONTROL/ns/net" "$@"; }
  outside ip link set "$LINK" master "$BRIDGE"
  [ -e "$D/cut" ] || outside ip link set "$LINK" up
  [ ! -e "$D/rate" ] || outside tc qdisc replace dev "$LINK" root tbf rate "$(cat "$D/rate")mbit" burst 256k latency 50ms
  exec unshare --mount --propagation private --pid --uts --ipc --fork bash -euc node_init
}

# Runs as PID 1 of the new namespaces and becomes the node's tini.
node_init() {
  # /proc is still the machine's here, so it tells the PID by which the machine knows us.
  local pid; read -r pid _ </proc/self/stat
  echo "$pid" >"$D/pid1.new"; mv "$D/pid1.new" "$D/pid1"
  hostname "$NODE"
  # A mount point, so that it can be read-only; the tree itself is not written.
  [ -z "$TREE" ] || { mount --bind "$TREE" "$TREE"; mount --rbind /dev "$TREE/dev"; mount -t sysfs sysfs "$TREE/sys"; }
  mount -t overlay -o "lowerdir=$TREE/etc,upperdir=$D/etc,workdir=$D/etc.work" overlay "$TREE/etc"
  mount -t overlay -o "lowerdir=$TREE/var,upperdir=$D/var,workdir=$D/var.work" overlay "$TREE/var"
  mount --bind "$D/crontabs" "$TREE/var/spool/cron/crontabs"
  mount -t tmpfs -o mode=755 tmpfs "$TREE/run"
  mount -t tmpfs -o mode=1777 tmpfs "$TREE/dev/shm"
  mkdir -p "$TREE/run/sshd" "$TREE/run/lock"
  mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts "$TREE/dev/pts"
  mount --bind "$TREE/dev/pts/ptmx" "$TREE/dev/ptmx"
  mount --bind "$STATE/shared" "$D/srv/shared"
  local place; for place in root home opt; do mount --bind "$D/$place" "$TREE/$place"; done
  mount --rbind "$D/srv" "$TREE/srv"
  # Last of them: it may hide the state folder.
  mount --bind "$D/tmp" "$TREE/tmp"
  # /usr is shared by all nodes.
  mount -o remount,bind,ro "$TREE/"
  mount -t proc proc "$TREE/proc"
  cd "$TREE/" || exit
  # Only tini keeps fd 9, the power lock: what runs in a node must not meet a descriptor of ours.
  exec chroot "$TREE/" env -i PATH="$PATH" tini -- sh -c 'exec 9>&-; cron && exec /usr/sbin/sshd -D -e'
}

is_on() { ! flock -s -n "$(folder "$1")/power" true 2>/dev/null; }

# The PID by which this machine knows the node's PID 1; nothing when the node is off.
pid1() {
  local d; d=$(folder "$1")
  while [ -e "$d/power" ] && is_on "$1"; do
    if [ -s "$d/pid1" ]; then cat "$d/pid1"; return; fi
    sleep 0.01
  done
}

# PIDs, as this machine knows them, of everything in the node's PID namespace.
pids() {
  local p; p=$(pid1 "$1")
  [ -n "$p" ] || return 0
  # /proc/PID/ns/pid -> pid:[4026532000]; processes that end meanwhile are not an error.
  { find /proc/[0-9]*/ns/pid -printf '%p %l\n' 2>/dev/null || true; } |
    awk -F '[/ ]' -v namespace="$(readlink "/proc/$p/ns/pid" || true)" '$NF == namespace { print $3 }'
}

# The kernel ends a PID namespace with its PID 1. Returns when nothing of the node is left.
power_off() {
  local d p; d=$(folder "$1"); p=$(pid1 "$1")
  if [ -n "$p" ]; then kill -KILL "$p" 2>/dev/null || true; fi
  if [ -e "$d/power" ]; then flock -w 30 "$d/power" true || fail "$(name "$1") does not go off"; fi
  rm -f "$d/pid1"
  if owns_bridge; then ip link del "$(link "$1")" 2>/dev/null || true; fi
}

# Looks for the listening socket instead of connecting: sshd counts connections that do not authenticate.
await_sshd() {
  local i p
  for ((i = 0; i < 1500; i++)); do
    p=$(pid1 "$1")
    [ -n "$p" ] || break
    if awk '$2 == "00000000:0016" && $4 == "0A" { found = 1 } END { exit !found }' "/proc/$p/net/tcp" 2>/dev/null; then return; fi
    sleep 0.02
  done
  tail -n 5 "$(folder "$1")/console.log" >&2 || true
  fail "$(name "$1") has no sshd"
}

# A process that forks while we go round is caught by the next round.
pause() {
  local p running=1
  while [ -n "$running" ]; do
    running=
    for p in $(pids "$1"); do
      case $(awk '/^State:/ { print $2 }' "/proc/$p/status" 2>/dev/null) in
        '' | T | Z | X) ;;
        *) running=1; kill -STOP "$p" 2>/dev/null || true ;;
      esac
    done
  done
}

resume() { local p; for p in $(pids "$1"); do kill -CONT "$p" 2>/dev/null || true; done; }

net_down() { touch "$(folder "$1")/cut"; ip link set "$(link "$1")" down; }
net_up()   { rm -f "$(folder "$1")/cut"; ip link set "$(link "$1")" up; }

limit() {
  local d; d=$(folder "${1:?which node?}")
  if [ "${2:?how many Mbit/s?}" = 0 ]; then
    rm -f "$d/rate"; tc qdisc del dev "$(link "$1")" root
  else
    echo "$2" >"$d/rate"; tc qdisc replace dev "$(link "$1")" root tbf rate "${2}mbit" burst 256k latency 50ms
  fi
}

enter() {
  local p; p=$(pid1 "${1:?which node?}"); shift
  [ -n "$p" ] || fail 'the node is off'
  exec nsenter --all --root --wd --target "$p" env -i HOME=/root PATH="$PATH" TERM="${TERM:-dumb}" sh ${1+-c "$*"}
}
