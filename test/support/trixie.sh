#!/bin/sh
# trixie.sh: prints the folder of a Debian 13 (OpenSSH 10, BusyBox 1.37) for hosts of the lab, see FLEET_LAB_TREE in
# test/lab/lab.sh. Made by debootstrap once (a minute, 350 MB), in node_modules/.cache; quick afterwards. Exits 1, with the
# reason, where it cannot. Packages come from the mirror that this machine's own apt uses.
set -u
cd "$(dirname "$0")/../.." || exit

TREE=$PWD/node_modules/.cache/fleet-trixie
PACKAGES=openssh-server,tini,curl,busybox,dropbear-bin,fish,tcsh
# debootstrap takes the first of several alternatives, systemd, which cannot be set up in a folder; apt takes the other one.
MORE_PACKAGES='cron systemd-standalone-sysusers'
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

main() {
  # Written last, so a tree that was left half made does not have it; another list of packages is another tree.
  if [ "$(cat "$TREE/etc/fleet-packages" 2>/dev/null)" = "$PACKAGES $MORE_PACKAGES" ]; then echo "$TREE"; exit 0; fi
  [ "$(id -u)" = 0 ] || fail 'only root can make it'
  command -v debootstrap >/dev/null || fail 'debootstrap is not installed'
  mkdir -p "$TREE.new" || exit
  # One at a time; whoever waited takes what the other one made.
  exec 9<"$TREE.new" || exit
  flock 9 || exit
  if [ "$(cat "$TREE/etc/fleet-packages" 2>/dev/null)" = "$PACKAGES $MORE_PACKAGES" ]; then echo "$TREE"; exit 0; fi
  echo '==> making a Debian 13 with debootstrap in node_modules/.cache (a minute, 350 MB)' >&2
  log=$(mktemp)
  trap 'rm -f "$log"' EXIT
  rm -rf --one-file-system "$TREE"
  if ! make_tree >"$log" 2>&1; then
    tail -n 15 "$log" >&2
    fail 'debootstrap failed, see above'
  fi
  echo "$TREE"
}

make_tree() {
  # shellcheck disable=SC2086  # a list of names
  find "$TREE.new" -mindepth 1 -delete &&
    debootstrap --variant=minbase --include="$PACKAGES" trixie "$TREE.new" "$(mirror)" </dev/null &&
    printf '#!/bin/sh\nexit 101\n' >"$TREE.new/usr/sbin/policy-rc.d" &&
    chmod 755 "$TREE.new/usr/sbin/policy-rc.d" &&
    in_tree apt-get -qq -y install --no-install-recommends $MORE_PACKAGES &&
    rm -rf "$TREE.new/var/cache/apt" "$TREE.new/var/lib/apt/lists" &&
    # Each host has keys of its own, and nothing here is ever started by itself.
    rm -f "$TREE.new"/etc/ssh/ssh_host_* &&
    echo "$PACKAGES $MORE_PACKAGES" >"$TREE.new/etc/fleet-packages" &&
    mv "$TREE.new" "$TREE"
}

in_tree() { DEBIAN_FRONTEND=noninteractive chroot "$TREE.new" "$@" </dev/null; }

mirror() {
  # shellcheck disable=SC2016  # apt's own way to name a field
  found=$(apt-get indextargets --format '$(REPO_URI)' 'Origin: Debian' 'Label: Debian' 2>/dev/null | head -n 1)
  echo "${found:-http://deb.debian.org/debian}"
}

fail() { echo "there is no Debian 13 to be had: $1" >&2; exit 1; }

main
