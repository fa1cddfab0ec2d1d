// Does a tree hold what its manifest says, every byte of it, and nothing else? Links are looked at, never followed, and
// nothing but a regular file of the right size is ever opened.

/**
 * `check_tree DIGEST [close]`: true if so; then `$list` is the tree's seal: it was made before the files were hashed, so
 * what is changed after that is noticed. Else `$work.bad` and `$work.extra` have the paths, sorted. `close`: see
 * `list_tree`. `remove_paths FILE` removes the paths that it lists. `expected_tree` and `stripped FILE` give the lines
 * that are compared. All of these in the folder of the tree, with `$few` empty or as FEW_SH has set it for this very
 * manifest. `$big` not empty: files are hashed by openssl, if it is there: it knows the processor's own instructions
 * (50 MB in 0.04 s, with coreutils' sha256sum 0.2 s), but takes 3 ms to start. What it says is wrong, sha256sum has to
 * confirm.
 */
export const CHECK_SH = `
check_tree() {
  list_tree "\${2:-}" >"$list"
  sum=
  if [ -f .fleet-manifest ] && [ ! -h .fleet-manifest ]; then
    [ -n "$few" ] || read_few .fleet-manifest
    if [ "$few" = yes ] && few_are_there && few_fit "$1"; then return 0; fi
    sum=$(sha256sum <.fleet-manifest 2>/dev/null)
  fi
  if [ "\${sum%% *}" != "$1" ]; then
    echo .fleet-manifest >"$work.bad"
    : >"$work.extra"
    return 1
  fi
  expected_tree
  if [ "$few" != yes ] && stripped "$list" | cmp -s - "$work.want" && all_fit; then return 0; fi
  ! find_bad
}
# From the manifest: $work.want as a listing has it, $work.sums as sha256sum prints them. The first t
# is there to forget that something was replaced.
expected_tree() {
  : >"$work.sums"
  sed -e h -e "s|^[67][45][45] [0-9]* \\\\([0-9a-f]*\\\\)  |\\\\1  ./|w $work.sums" -e 't g' -e ':g' -e g \\
    -e "s|^644 \\\\([0-9]*\\\\) [0-9a-f]*  \\\\(.*\\\\)|./\\\\2\${tab}f 444 \\\\1$tab|;t" \\
    -e "s|^755 \\\\([0-9]*\\\\) [0-9a-f]*  \\\\(.*\\\\)|./\\\\2\${tab}f 555 \\\\1$tab|;t" \\
    -e "s|^link 0 -  \\\\(.*\\\\)$tab|./\\\\1\${tab}l$tab|" .fleet-manifest >"$work.want"
}
stripped() {
  sed -e "/^\\\\.\\\\/\\\\.fleet-manifest\${tab}[^$tab]*\${tab}\${tab}[^$tab]*$/d" -e "s/\${tab}[^$tab]*$//" "$1"
}
all_fit() {
  if [ ! -s "$work.sums" ]; then return 0; fi
  if [ -n "$big" ] && command -v openssl >/dev/null 2>&1; then
    cut -b 67- "$work.sums" | hashed_by openssl | cmp -s - "$work.sums"
  else
    sha256sum -c "$work.sums" >/dev/null 2>&1 </dev/null
  fi
}
# Paths on stdin, lines of sha256sum on stdout.
hashed_by() {
  case $1 in
    openssl) tr '\\n' '\\0' | xargs -0 openssl dgst -sha256 -r 2>/dev/null | sed 's/ \\*/  /' ;;
    *) tr '\\n' '\\0' | xargs -0 sha256sum 2>/dev/null ;;
  esac
}
# What is missing or has the wrong kind, as ./PATH in $work.odd; and what is there too many. Nothing is opened.
find_odd() {
  stripped "$list" >"$work.found"
  comm -23 "$work.want" "$work.found" | cut -f 1 >"$work.odd"
  comm -13 "$work.want" "$work.found" | cut -f 1 | sort -u | comm -13 "$work.odd" - | sed 's|^\\./||' >"$work.extra"
}
# True if something is.
find_bad() {
  find_odd
  sort "$work.sums" >"$work.left"
  cut -b 67- "$work.sums" | comm -23 - "$work.odd" >"$work.todo"
  hashers=sha256sum
  [ -z "$big" ] || ! command -v openssl >/dev/null 2>&1 || hashers='openssl sha256sum'
  for hasher in $hashers; do
    [ -s "$work.todo" ] || break
    hashed_by "$hasher" <"$work.todo" | sort | comm -23 "$work.left" - >"$work.still"
    mv -f "$work.still" "$work.left"
    cut -b 67- "$work.left" | sort | comm -23 - "$work.odd" >"$work.todo"
  done
  sort -u "$work.odd" "$work.todo" | sed 's|^\\./||' >"$work.bad"
  [ -s "$work.bad" ] || [ -s "$work.extra" ]
}
remove_paths() {
  [ ! -s "$1" ] || sed 's|^|./|' "$1" | tr '\\n' '\\0' | xargs -0 rm -rf
}
`
