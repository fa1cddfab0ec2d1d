// The look before a push: one round trip that tells which trees are there as they were sealed, what is half there, and what
// the node can run. It changes nothing, and where nothing is to be done it is all that a push costs.
import type { Digest } from '../../core/index.ts'
import type { NodeCommand } from '../command.ts'
import { LOCK_STATE_SH } from '../lock/lock-script.ts'
import { FIND_TREE, LIST_SH } from './list-script.ts'
import { PATH_SH } from './path-script.ts'

/** What every node must have; `curl` only where `exec` workers run. */
export const REQUIRED_TOOLS = ['flock', 'setsid', 'sha256sum', 'tar'] as const

/** What is asked of a node. A digest that is left out: that tree is not looked at. */
export interface InspectionWish {
  readonly release?: Digest
  readonly kit?: Digest
  readonly runtime?: Digest
  /** Looked for where a worker finds them. Names, or absolute paths. */
  readonly tools: readonly string[]
  readonly programs: readonly string[]
  /** Ask the node's own Node.js for its version, which takes 40 ms there. */
  readonly askNode?: boolean
}

/** Says what is there; changes nothing. Parsed by `parseInspection`. */
export function inspectCommand(base: string, wish: InspectionWish): NodeCommand {
  const { release = '', kit = '', runtime = '', tools, programs, askNode = false } = wish
  const args = [release, kit, runtime, askNode ? 'yes' : '', String(tools.length), ...tools, ...programs]
  return { name: 'inspect', base, script: INSPECT, args }
}

// Links are read by going where they lead: `cd` forks nothing. Where nothing has to be sent, neither the room on the disk nor other releases
// matter, and two processes less are half of what is left. Of df the last line is given as it is, as names in it may
// hold blanks.
const INSPECT = `${PATH_SH}${LIST_SH}${LOCK_STATE_SH}
release=$1 kit=$2 runtime=$3 ask_node=$4 tools=$5; shift 5
say() { printf 'fleet-inspect %s\\n' "$1"; }
look_at() { # look_at KIND DIGEST
  [ -n "$2" ] || return 0
  state=absent
  if [ -d "$base/$1/$2" ]; then
    state=changed
    if [ -f "$base/$1/.sealed/$2" ] && cd -- "$base/$1/$2" 2>/dev/null; then
      if is_sealed "$base/$1/.sealed/$2"; then state=sealed; fi
    fi
  fi
  say "state-$1=$state"
  if [ "$state" = sealed ]; then sealed="$sealed $1"; fi
  [ "$state" != sealed ] && [ ! -h "$base/$1/.incoming-$2" ] && [ ! -h "$base/$1/.incoming-$2/tree" ] || return 0
  if cd -- "$base/$1/.incoming-$2/tree" 2>/dev/null; then
    list_sizes "fleet-inspect staged-$1="
    cd ..
    say_rests "$1"
  fi
}
# Three processes where find can print, and mostly it can. What it has to say of a folder that it cannot read is no line of a seal.
is_sealed() { # is_sealed SEAL
  ${FIND_TREE} 2>&1 | sort | cmp -s - "$1" || list_tree | cmp -s - "$1"
}
# What came of the rest of a file counts as if it stood behind the beginning: the next receive puts it there first.
say_rests() {
  [ -f plan/rests ] && [ ! -h plan ] && [ ! -h plan/rests ] && [ ! -h rest ] || return 0
  while IFS=$tab read -r number path offset; do
    case $number/$offset in [0-9]*/[1-9]*) ;; *) continue ;; esac
    case $number$offset in *[!0-9]*) continue ;; esac
    case /$path/ in */../*) continue ;; esac
    [ "\${#offset}" -lt 16 ] && [ -f "rest/$number" ] && [ ! -h "rest/$number" ] && [ -f "tree/$path" ] || continue
    [ "$(stat -c %s "tree/$path")" -ge "$offset" ] || continue
    say "staged-$1=$((offset + $(stat -c %s "rest/$number"))) ./$path"
  done <plan/rests
}
sealed='' is_whole=''
echo
say "base=$base"
if [ -d "$base" ]; then
  look_at releases "$release"
  look_at kit "$kit"
  look_at runtimes "$runtime"
  case $sealed:$runtime in " releases kit:" | " releases kit runtimes:"*) is_whole=yes ;; esac
  for link in current previous kit/current runtimes/current; do
    if cd -P -- "$base/$link" 2>/dev/null; then say "link-$link=\${PWD##*/}"; fi
  done
  if [ -z "$is_whole" ] && cd -- "$base/releases" 2>/dev/null; then list_releases 'fleet-inspect release='; fi
fi
cd /
machine=
{ IFS= read -r machine; } 2>/dev/null </proc/sys/kernel/arch || machine=$(uname -m)
say "machine=$machine"
if [ -z "$is_whole" ]; then
  place=$base
  until [ -d "$place" ] || [ -z "$place" ]; do place=\${place%/*}; done
  room=$(df -Pk "\${place:-/}" 2>/dev/null)
  say "room=\${room##*"$newline"}"
fi
PATH=$worker_path
for tool do
  if [ "$tools" -gt 0 ]; then what=tool tools=$((tools - 1)); else what=program; fi
  # dash says yes to every path with a slash in it.
  case $tool in
    */*) [ -f "$tool" ] && [ -x "$tool" ] ;;
    *) command -v "$tool" >/dev/null 2>&1 ;;
  esac || say "missing-$what=$tool"
done
for tool in zstd gzip; do
  if command -v "$tool" >/dev/null 2>&1; then say "unpacks=$tool"; fi
done
if [ -n "$ask_node" ]; then say "node=$(node --version 2>/dev/null </dev/null)"; fi
client=\${SSH_CONNECTION:-}
say "control=\${client%% *}"
lock_read
lock_say
:`
