// To the disk, before a name says that something is there. What is only in memory when the power goes would otherwise be a
// release with empty files in it.

/**
 * `sync_files LIST`: LIST itself, and all that is in the folder that the script looks at; those that `$few` knows are
 * named, which needs one program instead of three.
 * `sync_folders FOLDER...`: their entries, after a rename; those that are not there are left out.
 *
 * One by one, each file costs an fsync with a commit of the journal: 500 files of 20 KB took 120 ms and 40 ms of CPU, one
 * syncfs of all took 14 ms and 3 ms. But syncfs also waits for whatever else is being written there, a worker's gigabytes
 * perhaps, so it is for trees of many files; up to 32 files are as quick one by one, however large. (ext4 on virtio; where
 * sync takes no files, as before coreutils 8.24, everything is synced.)
 */
export const SYNC_SH = `
sync_files() {
  if [ "$few" = yes ]; then
    set -f; IFS=$newline
    set -- "$1" . ./.fleet-manifest $few_folders $few_files
    set +f; unset IFS
    sync "$@" 2>/dev/null || sync
  else
    sync -f "$1" 2>/dev/null || sync
  fi
}
sync_folders() {
  for folder do
    shift
    [ ! -d "$folder" ] || set -- "$@" "$folder"
  done
  sync "$@" 2>/dev/null || sync
}
`
