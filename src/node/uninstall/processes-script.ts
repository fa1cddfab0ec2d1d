// Which processes have to do with the job, whatever became of the files by which slots are known: found in /proc by working folder,
// program, open files, arguments and environment below the base, or below what is left of it. Sees what its user may see.
// `processes` prints lines `PID TAB KIND TAB NAME`. KIND is
//   ours   a supervisor, a worker, or what one started: it carries the job's environment, holds a slot's lock, or is a program of the base
//   fleet  a command of fleet's that is at work there, for example a push
//   other  somebody who only looks: a shell in that folder, an editor, `fleet status`
// Without here-documents, for which some shells need room in /tmp.

export const PROCESSES_TEXT = `
# A subshell, because its children must not hold the fence. The rows of a process follow each other.
processes() (
  command exec 8>&-
  last=''
  candidates | LC_ALL=C sort -u | {
    while read -r pid what path; do
      if [ "$pid" != "$last" ]; then
        judge
        last=$pid is_ours='' is_related='' asks='' is_near=''
        if is_near "$pid"; then is_near=yes; fi
      fi
      case $what:$path in
        fd*:*/slots/p*/run.lock | fd*:*/slots/p*/sup.lock)
          if [ -n "$is_near" ] || [ "/proc/$pid/fd/\${what#fd}" -ef "$path" ]; then is_ours=yes; fi
          ;;
      esac
      [ -n "$is_near" ] || continue
      case $what in
        exe) is_ours=yes ;;
        cwd | fd*) is_related=yes ;;
        *) asks="$asks $what" ;;
      esac
    done
    judge
  }
)

# In a container the same path is another folder. What shares neither the mounts nor the processes with us speaks of that one.
is_near() {
  [ "/proc/$1/ns/mnt" -ef "/proc/$$/ns/mnt" ] || [ "/proc/$1/ns/pid" -ef "/proc/$$/ns/pid" ]
}

# A few programs for all of /proc, not for each process, and the shell reads only lines that matter. Lines of: pid what [path]
candidates() {
  set +f
  {
    printf '%s\\n' /proc/[0-9]*/cwd /proc/[0-9]*/exe /proc/[0-9]*/fd/* | xargs ls -ldn 2>/dev/null |
      grep -F -e "$base" -e "$real" -e "/.removing-$job." |
      sed -n 's#^[^/]*/proc/\\([0-9][0-9]*\\)/\\([a-z]*\\)/*\\([0-9]*\\) -> #\\1 \\2\\3 #p'
    printf '%s\\n' /proc/[0-9]*/cmdline /proc/[0-9]*/environ |
      xargs grep -lF -e "$base" -e "$real" -e "/.removing-$job." 2>/dev/null |
      sed 's#^/proc/\\([0-9]*\\)/\\(.*\\)$#\\1 \\2#'
  } | while read -r pid what path; do
    case $what in
      cmdline | environ) printf '%s %s\\n' "$pid" "$what" ;;
      *) if is_below "$path"; then printf '%s %s %s\\n' "$pid" "$what" "$path"; fi ;;
    esac
  done
}

is_below() {
  case $1 in
    "$base" | "$base"/* | "$real" | "$real"/* | "$real (deleted)" | "$real_root/.removing-$job."*) return 0 ;;
  esac
  return 1
}

# What is known of process $last, once all of its rows are there. The letters of the path alone are no proof: they may belong to
# a job with a longer name.
judge() {
  [ -n "$last" ] && [ "$last" != "$$" ] && started "$last" || return 0
  case $asks in *environ*) [ -n "$is_ours" ] || by_environment ;; esac
  case $asks in *cmdline*) [ -n "$is_ours" ] || by_arguments ;; esac
  first_line_of "/proc/$last/comm"
  label=$text
  if [ -n "$is_ours" ]; then kind=ours; elif [ -n "$is_related" ]; then by_name; else return 0; fi
  printf '%s\\t%s\\t%s\\n' "$last" "$kind" "$label"
}

by_environment() {
  words_of environ
  for word in $words; do
    case $word in
      FLEET_RELEASE=* | FLEET_SCRATCH=*) if is_below "\${word#*=}"; then is_ours=yes; fi ;;
    esac
  done
  IFS=$blanks
}

by_arguments() {
  words_of cmdline
  for word in $words; do
    is_below "$word" || continue
    is_related=yes
    case $word in */kit/*/*.sh) is_ours=yes ;; esac
  done
  IFS=$blanks
}

# Commands that we run on a node are called fleet-NAME: the fourth word of their command line.
by_name() {
  kind=other
  words_of cmdline
  IFS=$blanks
  for label in receive switch configure verify keep cron; do
    label=fleet-$label
    case "$newline$words" in *"$newline$label$newline"*) kind=fleet; return 0 ;; esac
  done
  label=$text
}

# Sets IFS to the newline, for the one who splits $words; pathname expansion is off.
blanks=$IFS
words_of() {
  words=$(tr '\\000' '\\n' <"/proc/$last/$1" 2>/dev/null)
  IFS=$newline
}
`
