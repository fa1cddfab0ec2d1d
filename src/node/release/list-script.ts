// What is in a tree, as text that can be compared: the seal is such a text, written when the tree was verified, and a tree
// is as it was sealed exactly if it gives the same text now. Folders are not in it: a release has none of its own.

/** The lines of `list_tree`, not sorted, and nothing from a find that cannot print. One process. */
export const FIND_TREE = `find . -type l -printf '%p\\tl\\t%l\\t%i %T@\\n' -o ! -type d -printf '%p\\t%y %m %s\\t\\t%i %T@\\n'`

/**
 * For scripts, in the folder that they look at.
 * `list_tree`  a line for each entry, sorted: `./PATH TAB KIND TAB TARGET TAB INODE TIME`. KIND is type, mode and size, as in
 *   `f 444 12`, for links `l`. Time is that of the content, to the nanosecond where the tool tells it: that of the inode
 *   changes when a later release links the file. `list_tree close` also takes the right to write from all folders but the top one.
 * `list_sizes PREFIX`     `PREFIX<bytes> ./PATH` for each regular file.
 * `list_releases PREFIX`  `PREFIX<seconds since 1970> DIGEST/.fleet-manifest` for each release, in the folder of all releases.
 */
export const LIST_SH = `
# busybox's find cannot print, its stat can. Both see the entry itself, never what a link leads to.
list_tree() {
  if [ "\${1:-}" = close ]; then set -- -o ! -name . -exec chmod a-w {} +; else set --; fi
  {
    ${FIND_TREE} "$@" || {
      find . ! -type d ! -type l -exec stat -c "%n$tab%f %s$tab$tab%i %y" {} + |
        sed -e "s/^\\([^$tab]*$tab\\)8124 /\\1f 444 /" -e "s/^\\([^$tab]*$tab\\)816d /\\1f 555 /"
      find . -type l -exec sh -c '
        for path do
          target=$(readlink "$path"; echo .)
          printf "%s\\tl\\t%s\\t%s\\n" "$path" "\${target%??}" "$(stat -c "%i %y" "$path")"
        done' sh {} +
      [ $# = 0 ] || find . -type d ! -name . -exec chmod a-w {} +
    }
  } 2>/dev/null | sort
}
list_sizes() {
  find . -type f -printf "$1%s %p\\n" 2>/dev/null || find . -type f -exec stat -c "$1%s %n" {} + 2>/dev/null
}
list_releases() {
  prefix=$1
  set -- [0-9a-f]*/.fleet-manifest
  [ -e "$1" ] || return 0
  stat -c "$prefix%Y %n" "$@" 2>/dev/null
}
`
