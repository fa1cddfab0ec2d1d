#!/bin/sh
# What `npm run check` does: every step runs, whatever became of the one before, and the end says which failed.
# With --static the tests are left out.
set -u
cd "$(dirname "$0")/../.." || exit
sh test/support/node-modules.sh || exit
PATH=$PWD/node_modules/.bin:$PATH:/usr/local/sbin:/usr/sbin:/sbin
export PATH

steps='format lint types layers unused shellcheck test:fast'
[ "${1:-}" != --static ] || steps='format lint types layers unused shellcheck'
summary='' failed=0
for step in $steps; do
  echo "==> $step"
  began=$(date +%s)
  if npm run --silent "$step" </dev/null; then verdict=ok; else verdict=FAILED failed=$((failed + 1)); fi
  summary="$summary$(printf '%-12s %-6s %3d s' "$step" "$verdict" "$(($(date +%s) - began))")
"
done
printf '\n%s' "$summary"
[ "$failed" = 0 ] || { echo "$failed of the checks failed; run one alone with: npm run <name>" >&2; exit 1; }
