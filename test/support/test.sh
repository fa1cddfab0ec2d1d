#!/bin/sh
# What `npm test` does, on a bare clone as well: packages, system packages, then every test. Arguments go to vitest.
set -u
cd "$(dirname "$0")/../.." || exit
echo '==> npm test: packages if they are missing, then all tests (5 to 10 minutes on two cores; 2 to 4 where there can be no real hosts)'
sh test/support/node-modules.sh || exit
sh test/support/system-packages.sh tests
PATH=$PWD/node_modules/.bin:$PATH:/usr/local/sbin:/usr/sbin:/sbin
export PATH
exec vitest run "$@" </dev/null
