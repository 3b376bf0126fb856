# Parks Bash: waits where a shell that is to run a script has read what BASH_ENV names, and has not
# opened the script. It says that it is ready, waits for the program's environment, directory and text
# on standard input, and leaves no trace. Any failure ends the process before it has said that it goes
# on, and the guest starts a plain one.

((BASH_VERSINFO[0] >= 5)) || exit 1
unset -v BASH_ENV
printf '\6'

# Bytes are counted, whatever the locale; `read -N` takes no more of them than it is told to.
IFS='' LC_ALL=C eval '
  read -r -N 8 isol8_left && read -r -d "" isol8_cwd &&
    read -r -d "" isol8_path && read -r -d "" isol8_count || exit 1
  ((isol8_left = 16#$isol8_left - ${#isol8_cwd} - ${#isol8_path} - ${#isol8_count} - 3))
  if [[ $isol8_count != - ]]; then
    mapfile -t -d "" -n "$isol8_count" isol8_environ
    for isol8_pair in "${isol8_environ[@]}"; do ((isol8_left -= ${#isol8_pair} + 1)); done
  fi
  isol8_text=
  if ((isol8_left > 0)); then read -r -N "$isol8_left" isol8_text || exit 1; fi
'

if [[ $isol8_cwd != "$PWD" ]]; then
  cd -P -- "$isol8_cwd" || exit 1
  unset -v OLDPWD
  declare -x OLDPWD
fi
if [[ $isol8_count != - ]]; then
  # In the order in which Bash itself imports and makes them: the order of its children's environment
  # follows from it.
  isol8_cwd=$PWD isol8_left=$SHLVL
  for isol8_pair in "${isol8_environ[@]}"; do
    case $isol8_pair in
      # What it treats in another way at its start than later, and the names that are used here.
      BASH* | UID=* | EUID=* | PPID=* | SHELL* | POSIX* | PS[0-9]* | IFS=* | PWD=* | OLDPWD=* | SHLVL=* | _=* | \
      OPT* | CHILD_MAX=* | EXECIGNORE=* | GLOBIGNORE=* | IGNOREEOF=* | ignoreeof=* | MAIL* | hist* | RANDOM=* | SRANDOM=* | SECONDS=* | EPOCH* | LINENO=* | FUNC* | GROUPS=* | DIRSTACK=* | \
      PIPESTATUS=* | COMP_* | COPROC* | HIST* | TEXTDOMAIN* | isol8_*) exit 1 ;;
    esac
    unset -v "${isol8_pair%%=*}" || exit 1
  done
  unset -v PWD OLDPWD SHLVL
  for isol8_pair in "${isol8_environ[@]}"; do export "$isol8_pair" || exit 1; done
  export PWD="$isol8_cwd"
  declare -x OLDPWD
  export SHLVL="$isol8_left"
fi
if [[ $isol8_path ]]; then printf %s "$isol8_text" >"$isol8_path" || exit 1; fi
printf '\6'
unset -v isol8_left isol8_cwd isol8_path isol8_count isol8_environ isol8_pair isol8_text
SECONDS=0
