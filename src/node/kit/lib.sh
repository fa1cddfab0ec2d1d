# shellcheck shell=sh disable=SC2034,SC2086,SC2154 # Names that one file sets and another reads.
# lib.sh: what the programs of the kit share: reading a small file, telling processes apart, time, chance.
#
# A process is known by three things together: its pid, when it started (field 22 of /proc/PID/stat, proc(5)) and the boot
# that this was counted from. A pid alone is used again within days on a busy node. Nothing is ever looked up by name.
#
# Results come back in variables, because a command substitution would cost a fork. Splitting of unquoted words is used on
# purpose in this folder, and pathname expansion is off for that reason.

set -f
umask 077
newline='
'
tab='	'
# Where a node's own tools are, added to whatever cron or sshd gave us.
tools=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
# And <root>/.bin, so that a missing tool can be put there without being root. Every program but find.sh has BASE as its first argument.
case ${1:-} in /*) tools=$tools:${1%/*}/.bin ;; esac
case $PATH in
  *"$tools") ;;
  *) PATH=${PATH:+$PATH:}$tools ;;
esac
export PATH
# No trap is set yet when this is read.
IFS= read -r boot </proc/sys/kernel/random/boot_id

# text_of FILE -> $text. Not `read`: after a trapped signal busybox ash 1.38 spins in it (vda-linux/busybox_mirror#16).
# Programs without traps replace this by a version that does not fork.
text_of() {
  text=$(cat "$1" 2>/dev/null)
}

# The same without a fork, first line only; for programs that have no traps.
first_line_of() {
  text=
  { IFS= read -r text <"$1"; } 2>/dev/null
}

# load_settings ETC: its settings as shell variables. Kept from the last time when they cannot be read just now.
load_settings() {
  if [ -r "$1/settings" ]; then
    # shellcheck disable=SC1091
    command . "$1/settings"
  fi
}

# load_desired -> $want_state $want_mode $want_slots $want_generation. An unreadable or empty file changes nothing: what is
# not known must neither start nor stop anything.
load_desired() {
  text=$(cat "$base/etc/desired" 2>/dev/null)
  case $newline$text in *"${newline}state="*) ;; *) return 1 ;; esac
  for pair in $text; do
    case $pair in
      state=*) want_state=${pair#state=} ;;
      mode=*) want_mode=${pair#mode=} ;;
      slots=*) want_slots=${pair#slots=} ;;
      generation=*) want_generation=${pair#generation=} ;;
    esac
  done
}

# number_of SLOT -> $number: p01 is 1, p10 is 10. Fails for anything that is not a slot's name.
number_of() {
  number=${1#p}
  case $1:$number in p*:*[!0-9]* | p*: | [!p]*) return 1 ;; esac
  number=${number#0}
}

# started PID -> $started, in clock ticks since boot. Fails when there is no such process or only its zombie: where PID 1
# does not reap, `kill -0` calls a zombie alive for ever.
started() {
  started=
  text_of "/proc/$1/stat"
  # The second field is the program's name in brackets and may hold anything, brackets and spaces too.
  set -- ${text##*) }
  case ${1:-X} in Z | X | x) return 1 ;; esac
  started=${20:-}
  [ -n "$started" ]
}

# lives FILE -> $who $born $extra: is the process that wrote "pid start boot [extra]" into FILE still there?
lives() {
  text_of "$1"
  set -- $text
  who='' born='' extra=${4:-}
  [ "${3:-}" = "$boot" ] || return 1
  case $1$2 in *[!0-9]*) return 1 ;; esac
  [ "$1" -gt 1 ] || return 1
  started "$1" && [ "$started" = "$2" ] && who=$1 born=$2
}

# sign FILE [EXTRA]: this process puts its identity into FILE.
sign() {
  started "$$"
  printf '%s %s %s %s\n' "$$" "$started" "$boot" "${2:-}" >"$1.new" && mv "$1.new" "$1"
}

# now -> $now: milliseconds since boot, time asleep included. Never steps, as `date` does when NTP corrects the clock.
now() {
  text_of /proc/uptime
  text=${text%% *}
  now=$((${text%.*} * 1000 + (1${text#*.} - 100) * 10))
}

# spread MS -> $spread: something from 3/4 to 5/4 of MS, so that thousands of slots do not come back in step.
spread() {
  seed=$(((${seed:-$$} * 1103515245 + 12345) % 2147483648))
  spread=$(($1 * 3 / 4 + $1 * (seed / 65536 % 1024) / 2048))
}

# seconds MS -> $seconds: for sleep and curl, which take fractions.
seconds() {
  seconds=$(($1 % 1000 + 1000))
  seconds=$(($1 / 1000)).${seconds#1}
}

# is_still PID START
is_still() { started "$1" && [ "$started" = "$2" ]; }

# signal SIG PID START: to the group that PID leads, or to PID while its setsid has not run yet. `kill -TERM -PID` is the
# only form that dash, bash and busybox ash all take.
signal() {
  kill "-$1" "-$2" 2>/dev/null || { is_still "$2" "$3" && kill "-$1" "$2" 2>/dev/null; }
}

# cron_word TEXT: as one argument for the sh that cron starts. An unescaped % would end the command (crontab(5)).
cron_word() {
  printf "'%s'" "$(printf '%s' "$1" | sed "s/'/'\\\\''/g; s/%/\\\\%/g")"
}
