// The end of receiving: what was staged is verified, written to the disk and sealed, and only then gets the name by which
// everybody finds it. A damaged tree is mended file by file, each by a rename, so that whoever has one open keeps it.

/**
 * `install`: the staged tree as a new one. `mend`: the staged files into the tree that is there. In the staging folder;
 * both exit as `receiveCommand` says when they cannot.
 */
export const INSTALL_SH = `
install() {
  list=$seal
  # A seal says nothing as long as there is no tree of that name.
  if [ -e "$seal" ] || [ -h "$seal" ]; then rm -rf "$seal"; fi
  read_few plan/manifest
  if [ "$few" = yes ] && [ ! -e tree/.fleet-manifest ] && [ ! -h tree/.fleet-manifest ]; then
    umask 222
    printf %s "$few_text" >tree/.fleet-manifest
    umask 022
  else
    mv -f plan/manifest tree/.fleet-manifest
  fi 2>/dev/null
  cd tree || give_up '' "$new is gone" 74
  if ! check_tree "$digest" close; then
    # Only now: what was left by another push is in the way more often than not.
    open_folders .
    tidy
    if [ "\${sum%% *}" = "$digest" ]; then remove_extra; fi
    find . -depth -type d ! -name . -exec rmdir {} + 2>/dev/null
    if ! check_tree "$digest"; then
      rm -f "$seal"
      remove_paths "$work.bad"
      refuse
    fi
    find . -type d ! -name . -exec chmod a-w {} +
  fi
  sync_files "$list"
  fenced
  # The folder itself stays writable until it is there: rename(2) has to change its "..".
  cd .. && mv -T tree "$dir/$digest" || give_up '' "cannot give the tree its name, $dir/$digest" 73
  chmod a-w "$dir/$digest"
  sync_folders "$dir" "$dir/.sealed"
}
# Files of ours alone whose modes the unpacking got wrong (default ACLs), and names that no release can have.
tidy() {
  find . -type f -links 1 ! -perm 444 ! -perm 555 -exec chmod u=rX,go=rX {} +
  find . -depth -name '*[[:cntrl:]]*' -exec rm -rf {} +
}
# After \`tidy\`: a name with a tab or a newline in it looks like that of another file in a list.
remove_extra() {
  list_tree >"$list"
  find_odd
  remove_paths "$work.extra"
}
refuse() {
  if [ -s "$work.bad" ]; then sed "s/^/bad$tab/" "$work.bad"; fi
  { IFS= read -r first; } <"$work.bad" || give_up '' "verification failed: there are files that the manifest does not name" 74
  if [ "$first" = .fleet-manifest ]; then give_up '' "the manifest does not match the digest $digest" 74; fi
  give_up '' "verification failed: $first ($(wc -l <"$work.bad") in all)" 74
}
mend() {
  sum=$(sha256sum <plan/manifest 2>/dev/null)
  [ "\${sum%% *}" = "$digest" ] || give_up '' "the manifest does not match the digest $digest" 74
  good_copies
  cd -- "$dir/$digest" || give_up '' "$dir/$digest is gone" 74
  open_folders .
  list=$work.list few=
  fenced
  rm -f "$seal"
  tidy
  remove_extra
  sed 's|/[^/]*$||' "$work.good" | uniq | tr '\\n' '\\0' | xargs -0 mkdir -p .
  while IFS= read -r path; do
    if [ -d "$path" ] && [ ! -h "$path" ]; then rm -rf "$path"; fi
    mv -fT "$new/tree/$path" "$path" || give_up '' "cannot mend $dir/$digest" 73
  done <"$work.good"
  if [ -h .fleet-manifest ] || ! cmp -s "$new/plan/manifest" .fleet-manifest; then
    rm -rf .fleet-manifest
    mv -fT "$new/plan/manifest" .fleet-manifest
  fi
  check_tree "$digest"
  outcome=$?
  find . -type d -exec chmod a-w {} +
  [ "$outcome" = 0 ] || refuse
  sync_files "$list"
  mv -fT "$list" "$seal" || give_up '' "cannot write $seal" 73
  sync_folders "$dir/.sealed"
}
# $work.good: what was staged and is as the manifest says, as ./PATH.
good_copies() {
  list=$work.list
  cp plan/manifest tree/.fleet-manifest && cd tree || give_up '' "$new is gone" 74
  tidy
  list_tree >"$list"
  expected_tree
  stripped "$list" | comm -12 "$work.want" - >"$work.sound"
  sort "$work.sums" >"$work.left"
  {
    sed -n "s/\${tab}l$tab.*//p" "$work.sound"
    sed "/\${tab}l$tab/d" "$work.sound" | cut -f 1 | hashed_by sha256sum | sort | comm -12 "$work.left" - | cut -b 67-
  } | sort >"$work.good"
  rm -f .fleet-manifest
}
`
