// The first half of receiving: bytes from the stream to the staging folder, and what to say when the disk will not have them.
// What lies there was left by somebody, a push that broke off or something worse, and is never trusted: no link stays that
// could lead a write out of it.

/**
 * `prepare`: makes the staging folder `$new`, or takes what a push of the same tree has left there; exits with 0 when
 * there is nothing to do. `unpack`: the stream into it. `give_up SAID MESSAGE CODE`: says why and exits: 73, after
 * removing `$new`, when there is no room for it; `heed SAID`: likewise, but only then; `cannot FOLDER`: exits with 73.
 * `remove_tree FOLDER`: also one that is read-only; changes no file, because they may be links of others.
 */
export const UNPACK_SH = `
prepare() {
  if [ ! -d "$dir/.sealed" ]; then
    { mkdir -p "$dir/.sealed" && chmod 700 "$base"; } 2>/dev/null || cannot "$base"
  fi
  take_turn
  if [ "$how" = new ] && [ -d "$dir/$digest" ]; then
    rm -rf "$new"
    cat >/dev/null
    exit 0
  fi
  for old in "$dir"/.incoming-* "$dir"/.removed-*; do
    if [ "$old" != "$new" ] || [ -h "$old" ] || [ ! -d "$old" ]; then
      remove_tree "$old"
      # The seal is written a moment before the tree gets its name.
      orphan=\${old##*/.incoming-}
      if [ ! -d "$dir/$orphan" ] && [ -e "$dir/.sealed/$orphan" ]; then rm -f "$dir/.sealed/$orphan"; fi
    fi
  done
  if [ -d "$new" ]; then
    chmod u+rwx "$new" && cd -- "$new" || cannot "$dir"
    [ ! -h tree ] && [ -d tree ] || rm -rf tree
    if [ -d tree ]; then
      open_folders tree
      find tree ! -type d ! -type f -exec rm -f {} +
      append_rests
    fi
    for name in * .[!.]*; do
      [ "$name" = tree ] || remove_tree "$new/$name"
    done
  fi
  umask 022
  mkdir -p "$new/tree" 2>/dev/null && cd -- "$new" || give_up '' "cannot write to $dir" 73
}
unpack() {
  said=$(unpacked 2>&1 >/dev/null) || give_up "$said" "the archive broke off, or could not be unpacked: \${said%%"$newline"*}" 74
}
# GNU tar reads 10 KiB at a time; a pipe holds 64. For 50 MB it takes 60 to 110 ms of CPU, so 20 to 100. Asking costs 1.
unpacked() {
  blocks=
  if [ -n "$big" ]; then
    case $(tar --version </dev/null 2>&1) in *'GNU tar'*) blocks='-b 128' ;; esac
  fi
  case $compression in
    none) exec tar $blocks -xmof - ;;
    *) "$compression" -dcq | tar $blocks -xmof - ;;
  esac
}
give_up() {
  reason=
  case $1 in
    *'No space left'* | *uota\\ exceeded* | *'Read-only file system'*) ;;
    *) set -- "$( (printf '%9999s' full >"$new/probe") 2>&1 )" "$2" "$3" ;;
  esac
  case $1 in
    *uota\\ exceeded*) reason="the disk quota of this user is used up below $base" ;;
    *'Read-only file system'*) echo "cannot write to $base: its file system is read-only" >&2; exit 73 ;;
    *ermission\\ denied*) echo "cannot write to $base: permission denied" >&2; exit 73 ;;
    '') ;;
    *)
      reason="no space is left below $base"
      case $(df -Pi "$base" 2>/dev/null) in
        *' 0 '*100%*) reason="no inodes are left below $base, so it takes no more files" ;;
      esac
      ;;
  esac
  if [ -n "$reason" ]; then
    cd /
    remove_tree "$new"
    [ -d "$dir/$digest" ] || rm -f "$seal"
    echo "$reason" >&2
    exit 73
  fi
  rm -f "$new/probe"
  echo "$2" >&2
  exit "$3"
}
# heed SAID: goes on unless it was for want of room.
heed() {
  case $1 in *'No space left'* | *uota\\ exceeded*) give_up "$1" '' 73 ;; esac
}
cannot() {
  echo "cannot write to $1: a full disk, a read-only file system or a wrong owner" >&2
  exit 73
}
# First those that find could not go into, one by one on its way.
open_folders() {
  find "$1" -type d ! -perm -500 -exec chmod u+rwx {} \\;
  find "$1" -type d ! -perm -200 -exec chmod u+w {} +
}
remove_tree() {
  if [ -d "$1" ] && [ ! -h "$1" ]; then open_folders "$1"; fi
  [ ! -e "$1" ] && [ ! -h "$1" ] || rm -rf "$1"
}
`
