#!/bin/sh
# child.sh BASE SLOT: the first moments of the command for one ID, in the process that becomes the command: leader of its
# own session and group. Its names of things come in FLEET_*; the user's environment is read last, because it may change
# anything that the shell itself uses, and only `exec` follows.
# shellcheck disable=SC1091
. "${0%/*}/lib.sh"

text_of() { first_line_of "$1"; }

sign "$1/slots/$2/child" "$FLEET_FENCE" || exit 1
cd "$FLEET_SCRATCH" || exit 1
FLEET_ETC=$1/slots/$2/etc
# shellcheck disable=SC1091
. "$FLEET_ETC/command.sh"
# shellcheck disable=SC1091
. "$FLEET_ETC/worker.env"
exec "$@"
