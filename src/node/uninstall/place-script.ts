// Is the job's folder one that may be removed as a whole? `place` answers with `$place`: job, absent or odd; for odd `$why` goes on
// after the path. Sets `$real` and `$real_root` too: the kernel knows folders by their physical paths.

export const PLACE_TEXT = `
place() {
  root=\${base%/*} place=job why='' real=$base
  real_root=$(cd -P -- "\${root:-/}" 2>/dev/null && pwd -P)
  real_home=$(cd -P -- "\${HOME:-/}" 2>/dev/null && pwd -P)
  [ -z "$real_root" ] || real=\${real_root%/}/\${base##*/}
  if [ -h "$base" ]; then
    odd "is a symbolic link; set root to the folder that it leads to, $(readlink "$base")"
  elif [ ! -e "$base" ]; then
    absent
  elif [ ! -d "$base" ]; then
    odd "is not a folder"
  elif [ ! -O "$base" ]; then
    odd "belongs to another user; uninstall as that user"
  elif [ ! -r "$base" ] || [ ! -x "$base" ] || [ -z "$real_root" ]; then
    odd "cannot be looked into"
  else
    case $real_home/ in "$real"/*) odd "is the home folder of this user, or holds it" ;; esac
    mounted "$real"
    case $mount_point in
      '') ;;
      "$real") odd "is a mount point; unmount it first" ;;
      *) odd "has something mounted in it, at $mount_point; unmount that first" ;;
    esac
    [ "$place" = odd ] || has_signs "$base" || odd "holds nothing that fleet puts there: neither kit nor etc nor releases of a job"
  fi
}

odd() {
  place=odd why=$1
}

# What cannot be looked into must not be called absent.
absent() {
  place=absent above=$base
  while [ ! -e "$above" ] && [ ! -h "$above" ]; do
    above=\${above%/*}
    [ -n "$above" ] || return 0
  done
  if [ -d "$above" ] && [ ! -x "$above" ]; then odd "cannot be looked for: $above is closed to this user"; fi
}

# mounted FOLDER -> $mount_point, there or below; empty when there is none. What is mounted is not ours to delete. A blank in a name
# is written \\040 (proc(5)).
mounted() {
  mount_point=''
  while read -r _ point _; do
    case $point in *\\\\*) point=$(printf '%b' "$(printf '%s' "$point" | sed 's/\\\\\\([0-7]\\)/\\\\0\\1/g')") ;; esac
    case $point in "$1" | "$1"/*) mount_point=$point ;; esac
  done </proc/self/mounts
}

# has_signs FOLDER: a file that only fleet writes, a tree named by a digest, or nothing but names that fleet uses.
has_signs() {
  for sign in "$1"/etc/epoch "$1"/etc/desired "$1"/etc/settings; do
    [ ! -f "$sign" ] || return 0
  done
  set +f
  set -- "$1" "$1"/kit/* "$1"/releases/* "$1"/runtimes/* "$1"/kit/.incoming-* "$1"/releases/.incoming-* "$1"/runtimes/.incoming-*
  set -f
  folder=$1
  shift
  for sign do
    sign=\${sign##*/} sign=\${sign#.incoming-}
    case $sign in *[!0-9a-f]*) ;; *) [ "\${#sign}" -ne 64 ] || return 0 ;; esac
  done
  set +f
  set -- "$folder"/* "$folder"/.[!.]* "$folder"/..?*
  set -f
  for sign do
    [ -e "$sign" ] || [ -h "$sign" ] || continue
    case \${sign##*/} in
      etc | releases | kit | runtimes | slots | log | current | previous | current.new | previous.new | push.lock | configure.lock | .incoming-* | .receiving | .probe) ;;
      *) return 1 ;;
    esac
  done
}
`
