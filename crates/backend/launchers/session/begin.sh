# Begins a call of the resident Bash of a session, and ends the call before it: undoes what that call
# was given, reports its exit code, reads the next command, and appends the program to the script that
# the shell is reading, as text of the script itself.
#
# Arguments: number of the call before, the directory it was put in, the one it came from, and for each
# variable of its environment four words: name, value, what was there, and the value before.
#
# Must work under any option that a program may have set, with any function or alias. It forks
# nothing, because a program may have taken all processes.
builtin enable builtin declare eval exec exit export mapfile printf return set shopt trap unset 2>/dev/null
if [[ ${1-} ]]; then
  while (($# > 3)); do
    if [[ ${!4-} == "$5" ]]; then
      case $6 in
        unset) builtin unset -v "$4" || : ;;
        set) builtin declare +x "$4=$7" || : ;;
        *) builtin declare -x "$4=$7" || : ;;
      esac
    fi
    builtin set -- "$1" "$2" "$3" "${@:8}"
  done 2>/dev/null
  if [[ $2 && $PWD == "$2" ]]; then builtin cd -- "$3" 2>/dev/null || :; fi
  builtin printf '%s %s\n' "$1" "$__isol8_status" >/.isol8-session/reports
fi
# Reads no variable of the shell's, unlike `read`, which `IFS` and `TMOUT` change.
builtin mapfile -d '' -t -n 4 __isol8 </.isol8-session/commands
((${#__isol8[@]} == 4)) || builtin exit 1
# `builtin exec` would put them back.
exec 0</.isol8-session/0 1>/.isol8-session/1 2>/.isol8-session/2
builtin printf '%s\n' "${__isol8[0]}" >/.isol8-session/reports
[[ $0 == "${__isol8[1]}" ]] || BASH_ARGV0=${__isol8[1]}
__isol8_environ=() __isol8_end=("${__isol8[0]}" '' '')
# None would mean all.
((__isol8[3] == 0)) || builtin mapfile -d '' -t -n $((2 * __isol8[3])) __isol8_environ </.isol8-session/commands
builtin set -- "${__isol8_environ[@]}"
while (($# > 1)); do
  case $1 in
    # A name that is none in Bash cannot be a variable of it.
    # At its start, Bash takes no `IFS` from its environment.
    IFS | [0-9]* | *[!A-Za-z0-9_]*) ;;
    *)
      __isol8_end+=("$1" "$2")
      if [[ ! -v $1 ]]; then
        __isol8_end+=(unset '')
      else
        case ${!1@a} in *x*) __isol8_end+=(exported) ;; *) __isol8_end+=(set) ;; esac
        __isol8_end+=("${!1}")
      fi
      builtin export "$1=$2" 2>/dev/null || :
      ;;
  esac
  builtin set -- "${@:3}"
done
if [[ ${__isol8[2]} ]]; then
  __isol8_end[2]=$PWD __isol8_left=${OLDPWD-}
  if builtin cd -- "${__isol8[2]}"; then __isol8_end[1]=$PWD; fi
  # The program comes from nowhere.
  if [[ $__isol8_left ]]; then OLDPWD=$__isol8_left; else builtin unset -v OLDPWD && builtin export OLDPWD; fi
fi
# A NUL byte ends the first of these. Neither it nor much text can be passed on.
builtin mapfile -d '' -n 2 __isol8_text <"${__isol8[1]}"
builtin printf -v __isol8_quoted '%q' "${__isol8[1]}"
__isol8_program="\\builtin . $__isol8_quoted; "
# `break` lets the shell read all that follows and run nothing of it. What is no whole script would
# take the end of the call for a part of itself, and so would a here-document that does not end:
# then one more word is no error. With `set -v` the shell shows each line it reads.
if ((${#__isol8_text[@]} < 2 && ${#__isol8_text} < 262144)) &&
  [[ ${__isol8_text-} != @(*set\ [-+]*([[:alpha:]])v*|*verbose*) ]] &&
  for __isol8_once in 1; do builtin eval "break"$'\n'"${__isol8_text-}"; done 2>/dev/null &&
  if [[ ${__isol8_text-} == *'<<'* ]]; then
    ! for __isol8_once in 1; do builtin eval "break"$'\n'"$__isol8_text"$'\n)'; done 2>/dev/null
  fi
then
  # Two line feeds: a program may end with a backslash.
  __isol8_program=${__isol8_text-}$'\n\n'
fi
builtin printf -v __isol8_end ' %q' "${__isol8_end[@]}"
# Restores the traps, that of each command last, and starts to count lines: each simple command puts
# `LINENO` back, and the redirection of a group does not. Nobody sees what the last line prints.
if ! builtin printf '%s\n%s%s\n' \
  "${__isol8_traps-}{ \\builtin : bash; ${__isol8_debug-}
} </dev/null\${BASH_VERSINFO[LINENO=0]:+}" "$__isol8_program" \
  "{ __isol8_status=\$?; \\builtin trap -p DEBUG EXIT ERR RETURN >|/.isol8-session/note; \
\\builtin trap - DEBUG ERR RETURN; \\builtin . /.isol8/session/end.sh; } >/dev/null 2>&1; \
\\builtin eval \"\${__isol8_exit-}\"; \\builtin . /.isol8/session/begin.sh$__isol8_end" \
  >>/.isol8-session/script
then
  builtin printf 'the sandbox has no room for the program\n' >&2
  builtin exit 1
fi
builtin set --
# One group, which the shell has read before there are aliases again.
{
  if [[ ${__isol8_aliases-} ]]; then builtin shopt -s expand_aliases; fi
  case ${__isol8_flags-} in
    *e*)
      builtin unset -v "${!__isol8@}"
      builtin set -e
      ;;
    *) builtin unset -v "${!__isol8@}" ;;
  esac
}
