#!/bin/sh
# Installs the Debian packages that the tests on real hosts need and that are missing. Needs root and apt-get; where it
# can do nothing it says in one line each what will be skipped. Never fails the run: the tests look for themselves.
set -u

# command:package
NEEDED='sshd:openssh-server ssh:openssh-client cron:cron curl:curl ip:iproute2 tini:tini nginx:nginx-light dash:dash busybox:busybox shellcheck:shellcheck'
GUARD=/usr/sbin/policy-rc.d
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

main() {
  missing=$(missing_packages)
  [ -n "$missing" ] || return 0
  if [ "$(id -u)" != 0 ]; then
    skip_because 'not root'
  elif ! command -v apt-get >/dev/null; then
    skip_because 'no apt-get here'
  else
    echo "==> installing$missing with apt-get (about a minute; no service is started)"
    # shellcheck disable=SC2086  # a list of names
    if ! install_quietly $missing; then skip_because 'apt-get failed, see above'; fi
  fi
}

missing_packages() {
  for pair in $NEEDED; do
    command -v "${pair%%:*}" >/dev/null || printf ' %s' "${pair#*:}"
  done
}

# Packages of services start them at once unless this policy file says no (invoke-rc.d, exit 101). One that is there
# already is somebody else's decision and stays as it is.
install_quietly() {
  if [ ! -e "$GUARD" ]; then
    trap 'rm -f "$GUARD"' EXIT
    trap 'exit 130' INT TERM HUP
    printf '#!/bin/sh\nexit 101\n' >"$GUARD"
    chmod 755 "$GUARD"
  fi
  log=$(mktemp)
  if apt_get update >"$log" 2>&1 && apt_get install --no-install-recommends "$@" >>"$log" 2>&1; then
    rm -f "$log"
    return 0
  fi
  tail -n 15 "$log" >&2
  rm -f "$log"
  return 1
}

apt_get() { DEBIAN_FRONTEND=noninteractive apt-get -qq -y "$@" </dev/null; }

skip_because() {
  for package in $(missing_packages); do
    case $package in
      shellcheck) what='the check of the sh programs' ;;
      dash | busybox) what="the tests of the kit under $package" ;;
      *) what='all tests on real hosts' ;;
    esac
    echo "SKIPPING $what: $package is missing and was not installed ($1)" >&2
  done
}

main
