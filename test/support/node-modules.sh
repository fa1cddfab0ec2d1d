#!/bin/sh
# Brings node_modules, and with it the pinned Node, into step with package-lock.json. Quick when there is nothing to do.
set -eu
cd "$(dirname "$0")/../.."

# npm writes this file last, so a broken installation does not have it.
installed=node_modules/.package-lock.json
if [ -e "$installed" ] && [ -z "$(find package-lock.json -newer "$installed")" ]; then exit 0; fi

if ! command -v npm >/dev/null; then
  echo 'npm was not found in PATH; install Node.js with npm (18 or later; Debian: apt-get install npm), then run this again' >&2
  exit 1
fi
echo '==> installing the npm packages of package-lock.json, among them Node 24 (about 20 seconds; no package runs a script)'
# The machine's own Node may be older than `engines` asks for; it runs npm and nothing else, so the warning would mislead.
npm ci --loglevel=error
