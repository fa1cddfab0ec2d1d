// Every keeper that may bring a job's supervisors back, in one place. Each has two functions: NAME_look, which sets `$keeper` to
// line (it is there), none, absent (the node has no such keeper) or unreadable, and `$keeper_said`; and NAME_remove, which prints
// one line as cron.sh does. After libraryText; sees `$base`, `$real` and `$job`.
import { programText } from './kit-text.ts'

export const KEEPERS = ['cron'] as const

export function keepersText(): string {
  return `keepers='${KEEPERS.join(' ')}'\n${CRON_LOOK}${cronRemove()}`
}

// A line of ours ends with the path of the base, as it was written when the job was started, and the mark of the job.
const CRON_LOOK = `
cron_look() {
  keeper=none keeper_said=
  command -v crontab >/dev/null || { keeper=absent; return 0; }
  if keeper_said=$(LC_ALL=C crontab -l 2>&1 </dev/null); then
    case "$keeper_said$newline" in
      *"$(cron_word "$base") # fleet:$job$newline"* | *"$(cron_word "$real") # fleet:$job$newline"*) keeper=line ;;
    esac
    return 0
  fi
  case $keeper_said in
    # Vixie cron and cronie say the first, busybox the second.
    *"no crontab for"* | *"can't open"*"No such file"*) ;;
    *) keeper=unreadable ;;
  esac
}
`

function cronRemove(): string {
  return `
cron_remove() {
  for place in "$base" "$real"; do
    cron_look
    [ "$keeper" = line ] || break
    said=$(cron_program "$place" "$job" remove)
    case $said in removed | unchanged) ;; *) break ;; esac
  done
  cron_look
  case $keeper:$said in
    line:removed | line:unchanged | line:) echo "failed: the line is still there" ;;
    unreadable:) printf 'refused: crontab -l failed: %s\\n' "$keeper_said" ;;
    *:?*) printf '%s\\n' "$said" ;;
    *) echo unchanged ;;
  esac
}
cron_program() (
${programText('cron.sh')}
)
`
}
