// Most of what a small push costs a node is starting programs, about 1 ms of CPU each. The few lines of a small manifest are
// read and compared by the shell itself, which decides as check-script.ts does for all the others.

/**
 * `read_few MANIFEST` sets `$few` to `yes` if it has at most 32 lines, about as many as the shell reads in the time that
 * the programs of the other way take to start; else to `no`. `$few_text` is what was read, `$few_files` and
 * `$few_folders` have a line for each. `few_are_there`: is `$list` what it says? `few_fit DIGEST`: are the manifest and
 * the files, byte by byte? To be asked in this order, so that only regular files of the right size are opened.
 */
export const FEW_SH = `
read_few() {
  few=no few_count=0 few_text='' few_want='' few_sums='' few_files='' few_folders='' few_last=''
  [ -f "$1" ] && [ ! -h "$1" ] || return 0
  while IFS= read -r line; do
    few_count=$((few_count + 1))
    [ "$few_count" -le 32 ] || return 0
    few_text=$few_text$line$newline
    path=\${line#*  } mode=444
    case $line in
      'link 0 -  '*"$tab"*)
        few_want="$few_want./\${path%"$tab"*}\${tab}l$tab\${path##*"$tab"}$tab$newline"
        ;;
      '644 '*' '*'  '* | '755 '*' '*'  '*)
        sum=\${line#* }
        size=\${sum%% *} sum=\${sum#* }
        case $line in 755*) mode=555 ;; esac
        few_want="$few_want./$path\${tab}f $mode $size$tab$tab$newline"
        few_sums="$few_sums\${sum%%  *}  ./$path$newline"
        few_files="$few_files./$path$newline"
        ;;
      *) return 0 ;;
    esac
    case $path in */*) folder=\${path%/*} ;; *) folder='' ;; esac
    path=$folder
    # Neighbours follow each other, so hardly a folder is named twice.
    until [ -z "$path" ]; do
      case $few_last/ in "$path/"*) break ;; esac
      few_folders="$few_folders./$path$newline"
      case $path in */*) path=\${path%/*} ;; *) path='' ;; esac
    done
    few_last=$folder
  done <"$1"
  [ "$few_count" = 0 ] || [ -n "$line" ] || few=yes
}
# A name or a target that has a tab in it makes a line with more of them than there should be.
few_are_there() {
  few_own="./.fleet-manifest$tab"
  set -f; IFS=$newline
  set -- $few_want
  set +f; unset IFS
  while IFS= read -r line; do
    case $line in
      "\${few_own:-$newline}"*) few_own='' ;;
      "\${1:-$newline}"*"$tab"*) return 1 ;;
      "\${1:-$newline}"*) shift ;;
      *) return 1 ;;
    esac
  done <"$list"
  [ $# = 0 ] && [ -z "$few_own" ]
}
few_fit() {
  sums="$few_sums$1  ./.fleet-manifest"
  if [ -z "$big" ] || ! command -v openssl >/dev/null 2>&1; then
    sha256sum -c >/dev/null 2>&1 <<EOF
$sums
EOF
    return
  fi
  wanted=
  set -f; IFS=$newline
  for line in $sums; do wanted="$wanted\${line%%  *} *\${line#*  }$newline"; done
  set -- $few_files ./.fleet-manifest
  set +f; unset IFS
  [ "$(exec openssl dgst -sha256 -r "$@" 2>/dev/null)$newline" = "$wanted" ]
}
`
