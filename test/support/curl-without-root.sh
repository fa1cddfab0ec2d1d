#!/bin/sh
# Gives the demo a curl where there is none and the user is not root: apt fetches the packages into directories of our own,
# dpkg-deb unpacks them, and node_modules/.cache/fleet-curl/curl runs the result. Nothing outside that folder is written.
# Quick when it is there already. Exits 1, with the reason, where it cannot.
set -u
cd "$(dirname "$0")/../.." || exit

HOME_OF_CURL=$PWD/node_modules/.cache/fleet-curl

main() {
  # The wrapper holds absolute paths, and the clone may have moved since: writing it again costs nothing.
  if { write_wrapper && works; } 2>/dev/null; then exit 0; fi
  for tool in apt-get dpkg-deb; do
    command -v "$tool" >/dev/null || fail "there is no $tool here"
  done
  echo '==> curl is missing: fetching its packages with apt-get into node_modules/.cache/fleet-curl (20 seconds; nothing is installed)'
  rm -rf "$HOME_OF_CURL"
  mkdir -p "$HOME_OF_CURL" || fail 'node_modules cannot be written'
  log=$HOME_OF_CURL/log
  trap 'rm -rf "$HOME_OF_CURL"' EXIT
  trap 'exit 130' INT TERM HUP
  if ! { fetch && unpack && write_wrapper && works; } >"$log" 2>&1; then
    tail -n 15 "$log" >&2
    fail 'apt-get could not fetch a curl that runs, see above'
  fi
  trap - EXIT
  rm -rf "$HOME_OF_CURL/apt" "$log"
}

# The lists of the machine may be old or absent, hence an update of our own. One broken source must not stop it, as curl may
# come from another: only what the second step says counts.
fetch() {
  mkdir -p "$HOME_OF_CURL/apt/state/lists/partial" "$HOME_OF_CURL/apt/cache/archives/partial"
  apt_get update
  apt_get install --download-only --no-install-recommends curl
}

# With the machine's own dpkg status, only the libraries that are missing here are fetched.
apt_get() {
  apt-get -qq -y -o Debug::NoLocking=1 -o Acquire::Languages=none -o Dir::State::status=/var/lib/dpkg/status \
    -o "Dir::State=$HOME_OF_CURL/apt/state" -o "Dir::Cache=$HOME_OF_CURL/apt/cache" "$@" </dev/null
}

unpack() {
  for package in "$HOME_OF_CURL"/apt/cache/archives/*.deb; do
    dpkg-deb -x "$package" "$HOME_OF_CURL/root" || return
  done
}

# The name of the folder of libraries differs between processor architectures. Both places occur: older packages use /lib.
write_wrapper() {
  [ -x "$HOME_OF_CURL/root/usr/bin/curl" ] || return
  libraries=''
  for folder in "$HOME_OF_CURL"/root/usr/lib/*-linux-* "$HOME_OF_CURL"/root/lib/*-linux-*; do
    [ ! -d "$folder" ] || libraries=$libraries${libraries:+:}$folder
  done
  cat >"$HOME_OF_CURL/curl" <<END && chmod 755 "$HOME_OF_CURL/curl"
#!/bin/sh
LD_LIBRARY_PATH=$(quoted "$libraries") exec $(quoted "$HOME_OF_CURL/root/usr/bin/curl") "\$@"
END
}

quoted() { printf "'%s'" "$(printf %s "$1" | sed "s/'/'\\\\''/g")"; }

works() { "$HOME_OF_CURL/curl" --version >/dev/null; }

fail() { echo "curl cannot be had without root: $1" >&2; exit 1; }

main
