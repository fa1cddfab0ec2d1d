#!/bin/sh
# Runs the linter over every shell program of the repository, found by its ending or, without one, by its first line.
set -u
cd "$(dirname "$0")/../.." || exit
if ! command -v shellcheck >/dev/null; then
  echo 'shellcheck was not found in PATH; install it (Debian: apt-get install shellcheck)' >&2
  exit 1
fi
find . \( -name node_modules -o -name .git -o -name dist \) -prune -o -type f \( -name '*.sh' -o ! -name '*.*' \) -print |
  while read -r file; do
    case $file in
      *.sh) echo "$file" ;;
      *) head -n 1 "$file" | grep -qE '^#!.*sh$' && echo "$file" ;;
    esac
  done |
  xargs shellcheck
