#!/bin/sh
# find.sh group PGID | find.sh holders FILE: prints "pid session" of every process of that group, or of every process that
# has FILE open. Zombies are left out. A program of its own because it reads all of /proc with the `read` builtin, which
# a shell with traps must not use (see lib.sh), and without a fork for each process. Sees what its user may see.
# shellcheck disable=SC1091
. "${0%/*}/lib.sh"

text_of() { first_line_of "$1"; }

main() {
  what=$1
  key=$2
  set +f
  for process in /proc/[0-9]*; do
    pid=${process#/proc/}
    [ "$pid" != "$$" ] || continue
    case $what in
      group) ;;
      holders) holds "$process" || continue ;;
    esac
    print_member
  done
}

# The inherited lock is fd 8 unless somebody moved it, so that one is looked at first.
holds() {
  for open in "$1/fd/8" "$1"/fd/*; do
    # -ef is not in POSIX, but dash, bash and busybox ash have it; it compares device and inode, not names.
    # shellcheck disable=SC3013
    [ "$open" -ef "$key" ] && return 0
  done 2>/dev/null
  return 1
}

print_member() {
  started "$pid" || return 0
  member=${text##*) }
  member=${member#* * }
  group=${member%% *}
  session=${member#* }
  session=${session%% *}
  [ "$what" = holders ] || [ "$group" = "$key" ] || return 0
  printf '%s %s\n' "$pid" "$session"
}

main "$@"
exit
