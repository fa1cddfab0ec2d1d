#!/bin/sh
# Copies the files of one user from a web server (nginx, autoindex_format json) to $TARGET. fleet runs it once for every ID.
#
#   migrate-user.sh ID         environment: SOURCE_URL, TARGET, optional SCRATCH, FLEET_FENCE
#
# What always holds: a file appears under its name only complete and with the length that the listing promised; what is already
# there with that length is not fetched again, so running it twice is harmless; nothing is ever written outside the one
# folder $TARGET/<encoded ID>, and never into a folder that belongs to another ID.
# Exit: 0 done, 75 come back later, 100 this ID needs a person, 1 failed and worth another attempt.
set -u
LC_ALL=C
export LC_ALL
umask 077

MAX_DEPTH=32       # a folder that links to itself would never end
MAX_FOLDERS=10000
NAME_MAX=255       # bytes in one name on the usual file systems (limits.h)

fail() { # exit-code message
  printf 'migrate-user: %s\n' "$2" >&2
  exit "$1"
}

# Raw bytes from printf escapes; the dot keeps the line feeds at the end, which $(...) would drop.
unescape() {
  # shellcheck disable=SC2059 # the format is our own: plain letters and octal escapes only
  unescaped=$(printf "$1.")
  unescaped=${unescaped%.}
}

# stdin as one word: letters, digits, _ and - stay, and so does a dot that is not the first byte; the rest becomes $1 and two hex digits.
encode() {
  od -An -v -tx1 | awk -v mark="$1" '
    BEGIN {
      for (n = 48; n < 123; n++) if (sprintf("%c", n) ~ /[A-Za-z0-9_]/) plain[sprintf("%02x", n)] = sprintf("%c", n)
      plain["2d"] = "-"
    }
    { for (i = 1; i <= NF; i++) { out = out ($i in plain ? plain[$i] : ($i == "2e" && out != "") ? "." : mark toupper($i)) } }
    END { print out }'
}

# A listing as lines "TYPE SIZE URL-ESCAPED-NAME PRINTF-ESCAPED-NAME". Reads bytes as hexadecimal numbers, so that no awk can
# stumble over a character set. nginx escapes only quotes, backslashes and control characters; every other JSON is read as well.
read_listing() { # file
  od -An -v -tx1 "$1" | awk '
    function bad(why) { print "bad " why; failed = 1; exit }
    function emit(h) { url = url url_of[h]; oct = oct oct_of[h] }
    function emit_code(n) { emit(sprintf("%02x", n)) }
    function emit_point(c) {
      if (c < 128) { emit_code(c); return }
      if (c < 2048) { emit_code(192 + int(c / 64)) }
      else {
        if (c < 65536) { emit_code(224 + int(c / 4096)) }
        else { emit_code(240 + int(c / 262144)); emit_code(128 + int(c / 4096) % 64) }
        emit_code(128 + int(c / 64) % 64)
      }
      emit_code(128 + c % 64)
    }
    function unicode(c) {
      if (high != "") {
        if (c < 56320 || c > 57343) { bad("half of a surrogate pair"); return }
        emit_point(65536 + (high - 55296) * 1024 + c - 56320); high = ""; return
      }
      if (c >= 55296 && c <= 56319) { high = c; return }
      if (c >= 56320 && c <= 57343) { bad("half of a surrogate pair"); return }
      emit_point(c)
    }
    function in_string(h,    digit) {
      if (escape == "u") {
        digit = index("0123456789abcdef", tolower(url_of[h])) - 1
        if (digit < 0 || length(url_of[h]) != 1) { bad("escape"); return }
        point = point * 16 + digit
        if (++digits == 4) { escape = ""; unicode(point) }
        return
      }
      if (escape == "\\") {
        escape = ""
        if (h == "75") { escape = "u"; point = 0; digits = 0; return }
        if (high != "" || !(h in short)) { bad("escape"); return }
        emit(short[h]); return
      }
      if (h == "5c") { escape = "\\"; return }
      if (high != "") { bad("half of a surrogate pair"); return }
      if (h == "22") { quoted = 0; token("s"); return }
      if (h < "20") { bad("control character"); return }
      emit(h)
    }
    function byte(h) {
      if (quoted) { in_string(h); return }
      if (h in scalar) { word = word scalar[h]; return }
      if (word != "") { url = word; word = ""; token("n") }
      if (failed || h == "20" || h == "09" || h == "0a" || h == "0d") return
      if (h == "22") { quoted = 1; url = ""; oct = ""; return }
      if (!(h in mark)) { bad("character"); return }
      token(mark[h])
    }
    # Where we are -> what may come next. Values are strings and numbers; anything nested is no listing.
    function token(t) {
      if (at == "start" && t == "[") at = "first"
      else if ((at == "first" || at == "next") && t == "{") { at = "key1"; name = ""; type = ""; size = "" }
      else if ((at == "first" || at == "after") && t == "]") at = "end"
      else if ((at == "key1" || at == "key") && t == "s") { key = url; at = "colon" }
      else if (at == "colon" && t == ":") at = "value"
      else if (at == "value" && (t == "s" || t == "n")) { value(t); at = "member" }
      else if (at == "member" && t == ",") at = "key"
      else if (at == "member" && t == "}") { entry(); at = "after" }
      else if (at == "after" && t == ",") at = "next"
      else bad("order")
    }
    function value(t) {
      if (key == "name" && t == "s" && name == "") { name = url; name_oct = oct }
      else if (key == "type" && t == "s" && type == "") type = url
      else if (key == "size" && t == "n" && size == "" && url ~ /^[0-9]+$/) size = url
      else if (key == "name" || key == "type" || key == "size") bad("value of " key)
    }
    function entry() {
      if (type == "" || (type == "file" && size == "")) { bad("entry"); return }
      if (name == "" || name == "." || name == ".." || name ~ /%2F|%00/) { print "trick " name; failed = 1; exit }
      print type, (size == "" ? "-" : size), name, name_oct
    }
    BEGIN {
      at = "start"
      for (n = 0; n < 256; n++) {
        h = sprintf("%02x", n)
        oct_of[h] = sprintf("\\%03o", n)
        url_of[h] = sprintf("%%%02X", n)
        if (n > 32 && n < 127 && sprintf("%c", n) ~ /[A-Za-z0-9._~-]/) url_of[h] = sprintf("%c", n)
        if (n > 32 && n < 127 && sprintf("%c", n) ~ /[A-Za-z0-9.+-]/) scalar[h] = sprintf("%c", n)
      }
      mark["5b"] = "["; mark["5d"] = "]"; mark["7b"] = "{"; mark["7d"] = "}"; mark["3a"] = ":"; mark["2c"] = ","
      short["22"] = "22"; short["5c"] = "5c"; short["2f"] = "2f"; short["62"] = "08"; short["66"] = "0c"
      short["6e"] = "0a"; short["72"] = "0d"; short["74"] = "09"
    }
    { for (i = 1; i <= NF; i++) { byte($i); if (failed) exit } }
    END { if (!failed && (at != "end" || word != "")) print "bad end" }'
}

# One request; what came is in $2, its length is counted by the caller. Sets $status and $content_type. No total timeout: a large
# file may take hours, only silence is an error. Nothing is followed, and the path goes out as it was written.
request() { # url file
  answer=$(curl -q --silent --show-error --globoff --path-as-is --proto '=http,https' --connect-timeout 15 \
    --speed-limit 1 --speed-time 60 --write-out '%{http_code} %{content_type}' --output "$2" --url "$1" 2>"$scratch/curl.err") ||
    fail 1 "GET $1: $(head -n 1 "$scratch/curl.err")"
  status=${answer%% *}
  content_type=${answer#* }
  case $status in
    429 | 503) fail 75 "GET $1: status $status, the source is busy" ;;
  esac
}

# A folder of the target, made if it is not there. A link could lead to another user's files.
own_folder() { # path
  [ ! -L "$1" ] || fail 100 "$1 is a symbolic link, expected a folder"
  [ -d "$1" ] || mkdir "$1" 2>/dev/null || [ -d "$1" ] || fail 1 "cannot make the folder $1"
}

# The marker says whose folder it is; made by ln, which is atomic and never replaces.
claim_folder() {
  if [ ! -e "$folder/.fleet-user" ]; then
    for found in "$folder"/* "$folder"/.[!.]* "$folder"/..?*; do
      case $found in "$folder"/.fleet-*) continue ;; esac
      [ ! -e "$found" ] || fail 100 "$folder holds files but no .fleet-user marker, so nobody knows whose they are"
    done
    { printf %s "$id" >"$part" && ln "$part" "$folder/.fleet-user"; } 2>/dev/null || [ -e "$folder/.fleet-user" ] ||
      fail 1 "cannot write $folder/.fleet-user"
    rm -f "$part"
  fi
  owner=$(cat "$folder/.fleet-user" && printf .) || fail 1 "cannot read $folder/.fleet-user"
  [ "$owner" = "$id." ] || fail 100 "$folder belongs to another ID (its .fleet-user says: ${owner%.})"
}

# What an earlier worker left half done. A larger fence is a newer worker's, which is left alone.
drop_old_parts() {
  for found in "$folder"/.fleet-part.*; do
    case ${found##*.} in
      '' | *[!0-9]*) ;;
      *) [ "${found##*.}" -ge "$fence" ] || rm -f "$found" ;;
    esac
  done
}

copy_file() { # size url path
  if [ -L "$3" ] || { [ -e "$3" ] && [ ! -f "$3" ]; }; then fail 100 "$3 is in the way, expected a regular file or nothing"; fi
  if [ -f "$3" ] && [ "$(($(wc -c <"$3")))" = "$1" ]; then
    skipped=$((skipped + 1))
    return
  fi
  # curl makes no file for an empty body.
  : >"$part" || fail 1 "cannot write $part"
  request "$2" "$part"
  [ "$status" = 200 ] || fail 1 "GET $2: expected status 200, got $status"
  length=$(($(wc -c <"$part")))
  [ "$length" = "$1" ] || fail 1 "GET $2: expected $1 bytes as listed, got $length"
  mv -f "$part" "$3" || fail 1 "cannot rename $part to $3"
  copied=$((copied + 1))
}

# Reads folders from the queue and appends the folders inside them, until none is left. Paths in the queue are escaped twice,
# for the URL and for printf; only what unescape() makes of them touches the disk.
list_folders() {
  printf '0 / /\n' >"$scratch/queue"
  : >"$scratch/files"
  while read -r depth url_path oct_path; do
    request "$source$url_path" "$scratch/listing"
    if [ "$status" = 404 ] && [ "$depth" = 0 ]; then fail 100 "the source has no folder for this ID: GET $source/: status 404"; fi
    [ "$status" = 200 ] || fail 1 "GET $source$url_path: expected status 200, got $status"
    case $content_type in
      application/json*) ;;
      *) fail 1 "GET $source$url_path: expected a JSON listing, got ${content_type:-no type} (an index file in the folder?)" ;;
    esac
    read_listing "$scratch/listing" >"$scratch/entries" || fail 1 "cannot run awk"
    while read -r type size url_name oct_name; do
      case $type in
        file) printf '%s %s %s\n' "$size" "$url_path$url_name" "$oct_path$oct_name" >>"$scratch/files" ;;
        directory)
          folders=$((folders + 1))
          [ "$depth" -lt "$MAX_DEPTH" ] || fail 100 "$source$url_path: folders are nested more than $MAX_DEPTH deep"
          [ "$folders" -le "$MAX_FOLDERS" ] || fail 100 "$source: more than $MAX_FOLDERS folders"
          printf '%s %s %s\n' "$((depth + 1))" "$url_path$url_name/" "$oct_path$oct_name/" >>"$scratch/queue"
          ;;
        bad) fail 1 "GET $source$url_path: expected a complete JSON listing, found a mistake: $size $url_name" ;;
        trick) fail 100 "$source$url_path: lists a name that is no file name: '$size'" ;;
        *) fail 100 "$source$url_path$url_name: expected a file or a folder, it is '$type'" ;;
      esac
      case $url_path$url_name in /.fleet-*) fail 100 "$source/$url_name: names with .fleet- are our own" ;; esac
    done <"$scratch/entries"
  done <"$scratch/queue"
}

copy_all() {
  while read -r depth url_path oct_path; do
    [ "$depth" != 0 ] || continue
    unescape "$oct_path"
    own_folder "$folder${unescaped%/}"
  done <"$scratch/queue"
  while read -r size url_path oct_path; do
    unescape "$oct_path"
    copy_file "$size" "$source$url_path" "$folder$unescaped"
  done <"$scratch/files"
}

id=${1-${FLEET_ID-}}
[ -n "$id" ] || fail 100 'expected an ID as the argument'
[ -n "${SOURCE_URL-}" ] || fail 1 'expected SOURCE_URL, for example http://10.0.0.2/photos'
[ -n "${TARGET-}" ] || fail 1 'expected TARGET, the folder that receives the users'
[ -d "$TARGET" ] || fail 1 "expected a folder at TARGET, found none at $TARGET"
fence=${FLEET_FENCE:-0}
case $fence in *[!0-9]*) fail 1 "expected a number in FLEET_FENCE, got $fence" ;; esac
# The server would take these apart again, whatever the escaping: the files of another user would arrive under this one.
case $id in . | .. | */*) fail 100 "the ID $id cannot be the name of a folder" ;; esac
segment=$(printf %s "$id" | encode '=')
[ "${#segment}" -le "$NAME_MAX" ] || fail 100 "the ID is too long for a folder name: ${#segment} bytes when encoded"

scratch=${SCRATCH:-${FLEET_SCRATCH:-}}
if [ -z "$scratch" ]; then
  scratch=$(mktemp -d) || fail 1 'cannot make a scratch folder'
  trap 'rm -rf "$scratch"' EXIT
  trap 'exit 1' HUP INT TERM
fi
source=${SOURCE_URL%/}/$(printf %s "$id" | encode '%')
folder=${TARGET%/}/$segment
part=$folder/.fleet-part.$fence
copied=0 skipped=0 folders=0

list_folders
own_folder "$folder"
claim_folder
drop_old_parts
copy_all
printf '%s files copied, %s were there already\n' "$copied" "$skipped"
