// The parts of the script of `factsCommand`, one for each subject. POSIX sh with nothing taken for granted: a tool that is
// not there makes its facts unknown (empty), and whatever can hang in the kernel or in a name service is asked with a limit.
// shellcheck cannot see it here: test/node/facts.test.ts hands it over.

export const MACHINE = `
fact os "$( (. /etc/os-release; printf %s "$PRETTY_NAME") 2>/dev/null </dev/null)"
fact kernel "$(uname -sr)"
fact arch "$(uname -m)"
libc=$(getconf GNU_LIBC_VERSION 2>/dev/null)
if [ -z "$libc" ]; then
  # musl's loader names itself on stderr when it gets no program.
  for loader in /lib/ld-musl-*.so.1; do
    [ -x "$loader" ] && libc="musl $("$loader" 2>&1 | sed -n 's/^Version //p')"
  done
fi
fact libc "$libc"
fact cores "$(getconf _NPROCESSORS_ONLN 2>/dev/null || nproc 2>/dev/null || grep -c '^processor' /proc/cpuinfo)"
fact memory_kib "$(sed -n 's/^MemTotal: *\\([0-9]*\\) kB/\\1/p' /proc/meminfo)"
`

export const ACCOUNT = `
user=$(limited 5 id -un 2>/dev/null)
[ -n "$user" ] || user=$(id -u)
fact user "$user"
fact uid "$(id -u)"
fact home "\${HOME:-}"
# The login shell is what sshd takes: field 7 of passwd(5), from whichever name service.
entry=$(limited 5 getent passwd "$user" 2>/dev/null || grep "^$user:" /etc/passwd)
shell=\${entry##*:}
fact shell "\${shell:-\${SHELL:-}}"
client=\${SSH_CONNECTION:-}
fact control "\${client%% *}"
`

export const TOOLS = `
missing=
for tool do
  command -v "$tool" >/dev/null 2>&1 || missing="$missing $tool"
done
fact missing "$missing"
`

// The place is the nearest folder on the way to the job's own that is there already. A mount whose server is gone blocks
// whoever touches it, so the first touch of every folder is by a program that can be killed.
export const PLACE = `
place=$base state=1 disk=''
limited 4 stat -f -c %S / >/dev/null 2>&1 && stats=yes || stats=
case $base in /*) ;; *) state=relative ;; esac
while [ "$state" = 1 ]; do
  if [ -z "$stats" ]; then
    [ -d "$place" ]
  else
    disk=$(limited 4 stat -f -c '%S %a %b %d %c' -- "$place" 2>/dev/null)
  fi
  state=$?
  case $place$state in /1 | *0 | *137) break ;; esac
  state=1 place=\${place%/*}
  [ -n "$place" ] || place=/
done
fact place "$place"
if [ "$state" = 137 ]; then
  fact place_state hung
elif [ "$state" = relative ]; then
  fact place_state relative
else
  fact disk "$disk"
  where=$(cd -P -- "$place" 2>/dev/null && pwd -P)
  type='' options='' longest=-1
  # The last of the longest mount points that lead to it is the one that is seen. A blank in a name is written \\040.
  while read -r _ point kind flags _; do
    case $point in *\\\\*) point=$(printf '%b' "$(printf %s "$point" | sed 's/\\\\\\([0-7]\\)/\\\\0\\1/g')") ;; esac
    above=\${point%/}
    case $where/ in "$above"/*) ;; *) continue ;; esac
    [ "\${#point}" -ge "$longest" ] || continue
    longest=\${#point} type=$kind options=$flags
  done </proc/self/mounts
  fact filesystem "$type"
  fact mount_options "$options"
  # mkdir decides, not permission bits: it also knows read-only mounts, quotas and a disk without inodes.
  probe=$place/.fleet-check-$$
  said=$(mkdir -- "$probe" 2>&1) && outcome= || outcome=denied
  if [ -z "$outcome" ]; then
    trap 'rm -rf -- "$probe"' EXIT
    trap 'exit 1' HUP INT TERM PIPE
    if ! { printf '#!/bin/sh\\nexit 42\\n' >"$probe/run" && printf '%9999s' '' >"$probe/fill"; } 2>/dev/null; then
      outcome=full
    else
      chmod 700 "$probe/run"
      "$probe/run" 2>/dev/null
      case $? in 42) outcome=good ;; *) outcome=noexec ;; esac
    fi
    rm -rf -- "$probe"
    trap - EXIT HUP INT TERM PIPE
  fi
  case $said in *'No space left'* | *'Disk quota'*) outcome=full ;; esac
  fact place_state "$outcome"
  fact place_said "$said"
fi
`

export const LIMITS = `
# Not ulimit: its letters mean different things in different shells.
while read -r a b c d e _; do
  case "$a $b $c" in
    'Max open files') fact open_files "$d $e" ;;
    'Max processes '*) fact processes "$c $d" ;;
  esac
done </proc/self/limits
`

// Without hidepid a process of root is seen by everybody; where it is not, nothing can be said about cron.
export const CRON = `
daemon=
if [ -r /proc/1/comm ]; then
  daemon=no
  for comm in /proc/[0-9]*/comm; do
    name=
    { read -r name <"$comm"; } 2>/dev/null
    case $name in cron | crond | fcron | bcron-sched | systemd-cron | dcron) daemon=yes; break ;; esac
  done
fi
fact cron_daemon "$daemon"
if command -v crontab >/dev/null 2>&1; then
  said=$(limited 5 crontab -l 2>&1 >/dev/null </dev/null)
  case $?$said in
    0* | *'no crontab for'* | *"can't open"*'No such file'*) fact crontab usable ;;
    137*) fact crontab 'it did not answer' ;;
    *) fact crontab "\${said:-it failed}" ;;
  esac
else
  fact crontab absent
fi
# logind ends what a user left running when the last session closes, if it was told to (logind.conf(5)).
if [ -d /run/systemd/system ]; then
  if [ -e "/var/lib/systemd/linger/$user" ]; then fact linger yes; else fact linger no; fi
  kills=no
  for file in /etc/systemd/logind.conf /usr/lib/systemd/logind.conf.d/*.conf /etc/systemd/logind.conf.d/*.conf; do
    [ -r "$file" ] || continue
    case $(sed -n 's/^ *KillUserProcesses *= *//p' "$file" | tail -n 1) in
      yes | true | 1 | on) kills=yes ;;
      no | false | 0 | off) kills=no ;;
    esac
  done
  fact kills_user_processes $kills
fi
`

// sshd -T needs the host keys, so it is for root. A file is read as sshd does: the first value counts.
export const SSHD = `
settings='^(maxstartups|maxsessions|maxauthtries|persourcemaxstartups|persourcepenalties|clientaliveinterval|logingracetime) '
source=
[ "$(id -u)" = 0 ] && said=$(limited 5 sshd -T 2>/dev/null) && source='sshd'
if [ -z "$source" ]; then
  said=$(cat /etc/ssh/sshd_config.d/*.conf /etc/ssh/sshd_config 2>/dev/null |
    sed -n -e '/^[ \t]*[Mm][Aa][Tt][Cc][Hh][ \t]/q' -e 's/^[ \t]*//' -e 's/[ \t=][ \t=]*/ /' -e '/^[A-Za-z]/p')
  [ -r /etc/ssh/sshd_config ] && source='file'
fi
fact sshd_source "$source"
printf '%s\\n' "$said" | grep -Ei "$settings" | while read -r name value; do
  fact "sshd.$(printf %s "$name" | tr '[:upper:]' '[:lower:]')" "$value"
done
`
