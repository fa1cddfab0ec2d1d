#!/bin/sh
# install-peers.sh PACKAGE...: installs Debian packages for a benchmark, without their recommendations. Needs root and apt-get;
# prints nothing unless it fails. None of the peers is a service; should one of their dependencies be, it is not started.
set -u

GUARD=/usr/sbin/policy-rc.d

# invoke-rc.d asks this file, exit 101 means no. One that is there already is somebody else's decision and stays as it is.
if [ ! -e "$GUARD" ]; then
  trap 'rm -f "$GUARD"' EXIT
  trap 'exit 130' INT TERM HUP
  printf '#!/bin/sh\nexit 101\n' >"$GUARD"
  chmod 755 "$GUARD"
fi

# A fresh machine may be busy with its own upgrades for a while: wait for them.
apt_get() { DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o DPkg::Lock::Timeout=300 "$@" </dev/null 1>&2; }

apt_get update && apt_get install --no-install-recommends "$@"
