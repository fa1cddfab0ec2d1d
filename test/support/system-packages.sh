#!/bin/sh
# system-packages.sh demo|tests: installs the Debian packages that one of the two needs and that are missing. Needs root and
# apt-get; where it can do nothing it says what follows from that. The demo cannot do without (exit 1), but gets a curl of
# its own where only root is missing; the tests go on, as each looks for itself and skips.
set -u

GUARD=/usr/sbin/policy-rc.d
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

main() {
  # command:package
  case ${1:-} in
    demo) needed='curl:curl' ;;
    tests) needed='sshd:openssh-server ssh:openssh-client cron:cron curl:curl ip:iproute2 tini:tini nginx:nginx-light dash:dash busybox:busybox shellcheck:shellcheck fish:fish tcsh:tcsh dropbear:dropbear-bin'
      [ "${FLEET_TEST_LONG:-}" != 1 ] || needed="$needed debootstrap:debootstrap" ;;
    *) sed -n '2,4s/^# //p' "$0" >&2; exit 2 ;;
  esac
  missing=$(missing_packages)
  [ -n "$missing" ] || exit 0
  if [ "$(id -u)" != 0 ]; then
    if [ "$1" = demo ] && sh "$(dirname "$0")/curl-without-root.sh"; then exit 0; fi
    "$1"_without 'only root can install packages'
  elif ! command -v apt-get >/dev/null; then
    "$1"_without 'there is no apt-get here'
  else
    echo "==> installing$missing with apt-get ($(duration_of "$missing"); no service is started, now or at boot)"
    # shellcheck disable=SC2086  # a list of names
    install_quietly $missing || "$1"_without 'apt-get failed, see above'
  fi
}

missing_packages() {
  for pair in $needed; do
    command -v "${pair%%:*}" >/dev/null || printf ' %s' "${pair#*:}"
  done
}

duration_of() { case $1 in ' curl') echo '10 seconds' ;; *) echo 'half a minute' ;; esac; }

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
  status=0
  { apt_get update && apt_get install --no-install-recommends "$@" && keep_down "$@"; } >"$log" 2>&1 || status=1
  [ "$status" = 0 ] || tail -n 15 "$log" >&2
  rm -f "$log"
  return "$status"
}

# A fresh machine may be busy with its own upgrades for a while: wait for them.
apt_get() { DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o DPkg::Lock::Timeout=300 "$@" </dev/null; }

keep_down() {
  for package; do
    case $package in
      openssh-server) update-rc.d ssh disable ;;
      cron) update-rc.d cron disable ;;
      nginx-light) update-rc.d nginx disable ;;
    esac
  done
}

demo_without() {
  echo "the demo's workers need curl, which is missing here; $1" >&2
  echo '  run: apt-get install curl    (as root; any other way to install it is fine too), then: npm run demo' >&2
  exit 1
}

tests_without() {
  hosts=''
  for package in $(missing_packages); do
    case $package in
      shellcheck) skipping 'the check of the sh programs' shellcheck "$1" ;;
      dash | busybox) skipping "the tests of the sh programs under $package" "$package" "$1" ;;
      fish | tcsh) skipping "the tests of login shells" "$package" "$1" ;;
      dropbear-bin) skipping 'the tests against Dropbear' dropbear "$1" ;;
      debootstrap) skipping 'the tests against Debian 13 (OpenSSH 10, Dropbear, BusyBox)' debootstrap "$1" ;;
      curl) skipping 'the tests of exec workers' curl "$1"; hosts="$hosts curl" ;;
      *) hosts="$hosts $package" ;;
    esac
  done
  [ -z "$hosts" ] || skipping 'all tests on real hosts' "${hosts# }" "$1"
}

skipping() { echo "SKIPPING $1: missing here: $2; $3" >&2; }

main "$@"
