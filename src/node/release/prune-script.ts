// Which trees a node no longer needs. What is in use is known from the links and from what each worker has signed, never
// from a name in a process table. A worker that is just starting is safe too: it begins from `current`, and what was
// `current` a moment ago is `previous`.

/**
 * `prune`: removes releases beyond the `$keep` newest and runtimes beyond the 2 newest, except those that `current` or
 * `previous` lead to, and those of workers or of commands that outlived their worker. Each loses its name by a rename
 * first, so none is ever half there. Prints `pruned TAB DIGEST` for each release. Uses `stat_of`, `$boot`.
 */
export const PRUNE_SH = `
prune() {
  prune_kind releases "$keep"
  prune_kind runtimes 2
}
prune_kind() { # prune_kind KIND KEPT
  cd -- "$base/$1" 2>/dev/null || return 0
  for old in .removed-*; do remove_quietly "$old"; done
  kind=$1 kept=$2 used=
  set --
  for manifest in [0-9a-f]*/.fleet-manifest; do
    tree=\${manifest%/*}
    # Not \`current\`, which is a link to one of them.
    [ \${#tree} = 64 ] && [ ! -h "$tree" ] && set -- "$@" "$manifest"
  done
  [ $# -gt "$kept" ] || return 0
  # Newest first. No name here has a blank in it.
  for manifest in $(ls -1t "$@"); do
    kept=$((kept - 1))
    [ "$kept" -lt 0 ] || continue
    tree=\${manifest%/*}
    for link in "$base/current" "$base/previous" "$base/runtimes/current"; do
      [ ! "$link" -ef "$tree" ] || continue 2
    done
    [ -n "$used" ] || find_used
    case $used in *" $tree "*) continue ;; esac
    mv -T "$tree" ".removed-$tree" 2>/dev/null || continue
    remove_quietly ".removed-$tree" ".sealed/$tree"
    [ "$kind" != releases ] || printf 'pruned\\t%s\\n' "$tree"
  done
}
find_used() {
  used=' '
  for slot in "$base"/slots/*; do
    lives_by "$slot/worker" || lives_by "$slot/child" || continue
    name=
    { IFS=' ' read -r _ _ _ name _ <"$slot/worker"; } 2>/dev/null
    used="$used$name "
    name=
    { IFS= read -r name <"$slot/etc/runtime"; } 2>/dev/null
    used="$used$name "
  done
}
lives_by() { # lives_by FILE: is the process that signed it still there?
  who='' born='' at=''
  { IFS=' ' read -r who born at _ <"$1"; } 2>/dev/null
  [ "$at" = "$boot" ] || return 1
  case $who in '' | *[!0-9]*) return 1 ;; esac
  stat_of "$who" && [ "$started" = "$born" ]
}
# remove_quietly FOLDER [SEAL]. For root nothing is closed. Only folders are made writable: the files may be links of other trees.
remove_quietly() {
  [ -e "$1" ] || [ -h "$1" ] || return 0
  [ -w "$1" ] && rm -rf "$@" && return
  if [ ! -h "$1" ]; then find "$1" -type d ! -perm -200 -exec chmod u+w {} + ; fi
  rm -rf "$@"
} 2>/dev/null
`
