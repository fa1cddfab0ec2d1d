// The second half of receiving, before anything is verified: files that trees of this node have already are linked or copied
// to their place, and what was left of large files is put behind their beginning. Whatever goes wrong here is found by
// the verification, so nothing here has to succeed. A file that is linked is never changed: other trees hold it too.

/** `stage`: carries out what lies in `plan/` and `rest/`, in the staging folder. Formats: see `receiveCommand`. */
export const STAGE_SH = `
stage() {
  for list in plan/same/*/*; do
    [ -f "$list" ] || continue
    source=$base/\${list#plan/same/}
    sed -n 's|/[^/]*$||p' "$list" | uniq | sed 's|^|tree/|' | tr '\\n' '\\0' | xargs -0 mkdir -p tree 2>/dev/null
    # -P: were a link where a file should be, it must not be followed.
    (cd -- "$source" && tr '\\n' '\\0' <"$new/$list" | xargs -0 cp -lfP --parents -t "$new/tree" --) 2>/dev/null || {
      while IFS= read -r path; do printf '%s\\t%s\\t%s\\t-\\n' "\${list#plan/same/}" "$path" "$path"; done <"$list" >plan/list
      place <plan/list
    }
  done
  if [ -f plan/moved ]; then place <plan/moved; fi
  append_rests
}
# Reads lines TREE, FROM, PATH, MODE (- for whatever it is). Neighbours of one folder that keep their names are linked at once.
place() {
  into=
  set --
  while IFS=$tab read -r tree from path mode; do
    from=$base/$tree/$from folder=tree/
    case $path in */*) folder=tree/\${path%/*}/ ;; esac
    if [ "$folder" != "$into" ] || [ $# -ge 500 ]; then
      link_into "$into" "$@"
      set --
      into=$folder
      [ -d "$folder" ] || said=$(mkdir -p "$folder" 2>&1) || heed "$said"
    fi
    [ -f "$from" ] && [ ! -h "$from" ] && [ ! "$from" -ef "tree/$path" ] || continue
    [ ! -e "tree/$path" ] || [ "$mode" != - ] || continue
    has=644
    if [ -x "$from" ]; then has=755; fi
    if [ "$mode" != - ] && [ "$mode" != "$has" ]; then
      copy "$from" "tree/$path"
      case $mode in 755) chmod 555 "tree/$path" ;; *) chmod 444 "tree/$path" ;; esac
    elif [ "\${from##*/}" = "\${path##*/}" ]; then
      set -- "$@" "$from"
    else
      ln -f "$from" "tree/$path" || copy "$from" "tree/$path"
    fi 2>/dev/null
  done
  link_into "$into" "$@"
}
link_into() { # link_into FOLDER FILE...
  [ $# -gt 1 ] || return 0
  into_folder=$1; shift
  ln -f "$@" "$into_folder" 2>/dev/null && return
  for file do copy "$file" "$into_folder\${file##*/}"; done
}
# Where links cannot be: another file system, too many of one file, or not allowed.
copy() {
  said=$( (rm -f "$2" && cp -p "$1" "$2") 2>&1 ) || heed "$said"
}
# Also what a push that broke off has left of them: else a file whose stream breaks again and again would never get further.
append_rests() {
  [ -f plan/rests ] && [ ! -h plan ] && [ ! -h plan/rests ] && [ ! -h rest ] || return 0
  while IFS=$tab read -r number path offset; do
    case $number$offset in *[!0-9]*) continue ;; esac
    case /$path/ in */../*) continue ;; esac
    append "rest/$number" "tree/$path" "$offset"
  done <plan/rests
}
# append REST FILE OFFSET. A file with other names would be changed there too: it is left alone, and found to be bad.
append() {
  [ -f "$1" ] && [ ! -h "$1" ] && [ -f "$2" ] && [ ! -h "$2" ] && [ -n "$(find "$2" -links 1 2>/dev/null)" ] || return 0
  mode=444
  if [ -x "$2" ]; then mode=555; fi
  chmod u+w "$2" && dd if=/dev/null of="$2" bs=1 seek="$3" count=0 2>/dev/null &&
    { said=$(cat "$1" 2>&1 >>"$2") || heed "$said"; }
  chmod "$mode" "$2"
  rm -f "$1"
}
`
