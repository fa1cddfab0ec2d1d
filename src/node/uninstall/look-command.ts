// What an uninstall would find on a node, and after it whether anything is left. Only looks.
import type { JobName } from '../../core/index.ts'
import type { NodeCommand } from '../command.ts'
import { keepersText } from './keepers-script.ts'
import { libraryText } from './kit-text.ts'
import { PLACE_TEXT } from './place-script.ts'
import { PROCESSES_TEXT } from './processes-script.ts'

/** Prints what `parseTraces` reads; with `sizes` it also measures what is there, which takes as long as `du`. Changes nothing. */
export function lookCommand(base: string, job: JobName, options: { readonly sizes: boolean }): NodeCommand {
  return {
    name: 'uninstall-look',
    base,
    script: libraryText() + PLACE_TEXT + keepersText() + PROCESSES_TEXT + LOOK,
    args: [job, options.sizes ? 'yes' : ''],
  }
}

const LOOK = `
job=$1 sizes=$2
# One line a fact, whatever the value holds.
fact() {
  name=$1
  shift
  case $* in *[[:cntrl:]]*) set -- "$(printf '%s' "$*" | tr '\\000-\\037\\177' '?')" ;; esac
  printf '%s\\t%s\\n' "$name" "$*"
}
printf '\\nfleet-traces 1\\n'
place
fact base "$base"
fact place "$place"
[ "$place" != odd ] || fact why "$why"
if [ -n "$real_root" ]; then
  set +f
  for gone in "$real_root/.removing-$job."*; do
    [ ! -d "$gone" ] || fact leftover "$gone"
  done
  set -f
fi
if [ "$place" = job ]; then
  set +f
  for folder in "$base"/slots/p*; do
    slot=\${folder##*/}
    number_of "$slot" || continue
    set -f
    if lives "$folder/supervisor" || lives "$folder/worker" || lives "$folder/child"; then fact slot "$slot"; fi
    set +f
  done
  if [ -n "$sizes" ]; then
    du -sk -- "$base"/* "$base"/.[!.]* 2>/dev/null | while read -r kib path; do
      case $kib in '' | *[!0-9]*) ;; *) fact part "$kib" "\${path##*/}" ;; esac
    done
  fi
  set -f
  # Slots that the keeper would start again, though none lives at this moment.
  want_state='' want_slots=0 want_generation='' n=0 wanted=0
  if load_desired && [ "$want_state" = up ]; then
    case $want_slots in '' | *[!0-9]* | ?????*) want_slots=0 ;; esac
    while [ "$n" -lt "$want_slots" ]; do
      n=$((n + 1))
      case $n in ?) slot=p0$n ;; *) slot=p$n ;; esac
      text_of "$base/slots/$slot/finished"
      [ "\${text%% *}" = "$want_generation" ] || wanted=$((wanted + 1))
    done
  fi
  fact wanted "$wanted"
fi
for name_of_keeper in $keepers; do
  "\${name_of_keeper}_look"
  [ "$keeper" = unreadable ] || keeper_said=''
  fact keeper "$name_of_keeper" "$keeper" "$keeper_said"
done
processes | while IFS=$tab read -r pid kind comm; do fact process "$pid" "$kind" "$comm"; done
set +f
if [ -d "\${root:-/}" ]; then
  fact root "$root"
  for path in "$root"/* "$root"/.[!.]*; do
    if [ "$path" = "$base" ] || [ ! -e "$path" ]; then continue; fi
    case \${path##*/} in .removing-"$job".* | crontab.lock) ;; *) fact beside "\${path##*/}" ;; esac
  done
fi
echo end
:`
