#!/bin/sh
# worker.sh BASE SLOT RELEASE: the first moments of a worker, in the process that becomes the worker: it signs, checks that
# it can work at all, and turns into run.sh (exec) or into the user's command (native). RELEASE is an absolute path, read
# from `current` once by the supervisor, so a push in between changes nothing for this worker.
# Started in a session of its own, with an empty environment, fd 8 holding run.lock for as long as it or a child lives.
# shellcheck disable=SC1091,SC2034,SC2119,SC2120,SC2154
. "${0%/*}/lib.sh"

text_of() { first_line_of "$1"; }

main() {
  base=$1 slot=$2 kit=${0%/*} dir=$1/slots/$2
  sign "$dir/worker" "${3##*/}" || exit 1
  shell=/bin/sh kind='' ca='' runtime='' etc=$dir/etc
  own_settings || exit 1
  load_settings "$etc"
  use_runtime || exit 1
  FLEET_JOB=$job FLEET_NODE=$node FLEET_SLOT=$slot FLEET_RELEASE=$3
  export FLEET_JOB FLEET_NODE FLEET_SLOT FLEET_RELEASE
  (check_program) || exit 100
  case $kind in
    exec) exec "$shell" "$kit/run.sh" "$base" "$slot" ;;
    native) become_command ;;
    *) misconfigured "etc/settings must say kind=exec or kind=native, it says: ${kind:-nothing}" ;;
  esac
}

# A worker keeps the settings that it started with. Were they read anew for each ID, an operator who points the node elsewhere
# meanwhile would have an ID of one dispatcher done with the environment of another's. The lock parts us from whoever is
# exchanging them, so that they belong together.
own_settings() {
  rm -rf "$etc" && mkdir "$etc" || return 1
  (
    flock -s 7 || exit 1
    for file in settings command.sh worker.env curl.conf token ca.pem; do
      [ ! -e "$base/etc/$file" ] || set -- "$@" "$base/etc/$file"
    done
    cp "$@" "$etc/"
  ) 7>>"$base/configure.lock" 8>&-
}

# The runtime as it is now, which this worker keeps: what is written down here, a push does not remove.
use_runtime() {
  [ -n "$runtime" ] || return 0
  FLEET_RUNTIME=$(cd -P "$base/runtimes/current" 2>/dev/null && pwd -P) || return 0
  export FLEET_RUNTIME
  printf '%s\n' "${FLEET_RUNTIME##*/}" >"$etc/runtime"
}

# Once here and not at each ID: a wrong name must not use up the failures of every ID there is.
check_program() {
  FLEET_ID='' FLEET_ETC=$etc
  # shellcheck disable=SC1091
  . "$FLEET_ETC/command.sh"
  # shellcheck disable=SC1091
  . "$FLEET_ETC/worker.env"
  case ${FLEET_RELEASE:+${2:-}} in
    "$FLEET_RELEASE"/?*) [ -f "$2" ] || misconfigured "expected the script of the worker's command to be in the release, found no $2" ;;
  esac
  case $1 in
    */*) [ -f "$1" ] && [ -x "$1" ] && return ;;
    *) command -v "$1" >/dev/null && return ;;
  esac
  [ -n "$FLEET_RELEASE" ] || misconfigured "there is no release here, $base/current leads nowhere, and no program $1"
  misconfigured "expected the worker's command to be an executable file on this node, found: $1"
}

become_command() {
  FLEET_URL=$url FLEET_TOKEN_FILE=$etc/token FLEET_SCRATCH=$dir/scratch
  export FLEET_URL FLEET_TOKEN_FILE FLEET_SCRATCH
  if [ -n "$ca" ]; then
    FLEET_CA_FILE=$etc/ca.pem
    export FLEET_CA_FILE
  fi
  rm -rf "$FLEET_SCRATCH"
  mkdir -p "$FLEET_SCRATCH" && cd "$FLEET_SCRATCH" || exit 1
  FLEET_ETC=$etc
  # shellcheck disable=SC1091
  . "$FLEET_ETC/command.sh"
  # The user's environment last: it may change anything that the shell itself uses, and only `exec` follows.
  # shellcheck disable=SC1091
  . "$FLEET_ETC/worker.env"
  exec "$@"
}

misconfigured() {
  printf 'fleet: %s\n' "$*"
  exit 100
}

main "$@"
