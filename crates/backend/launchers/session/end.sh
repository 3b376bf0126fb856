# Ends the program of a call of the resident Bash: makes sure that nothing of the program's reaches
# the launcher's next commands, and finds its EXIT trap, which runs next. Tracing ends with the
# program: what comes between two calls is nobody's.
__isol8_aliases=$BASHOPTS
\builtin shopt -u expand_aliases
case :$__isol8_aliases: in *:expand_aliases:*) ;; *) __isol8_aliases= ;; esac
builtin enable builtin eval mapfile printf return set trap
__isol8_flags=$-
case $__isol8_flags in *[exv]*) builtin set +exv ;; esac
if [[ -s /.isol8-session/note ]]; then
  builtin mapfile -d '' -n 1 __isol8_text </.isol8-session/note
  # Four words for each trap: `trap -- text NAME`, quoted by the shell.
  builtin eval "__isol8_text=($__isol8_text)"
  for ((__isol8 = 3; __isol8 < ${#__isol8_text[@]}; __isol8 += 4)); do
    builtin printf -v __isol8_quoted '\\builtin trap -- %q %s' "${__isol8_text[@]:__isol8-1:2}"
    # In POSIX mode, those that are not set are listed as well.
    [[ ${__isol8_text[__isol8 - 1]} != - ]] || continue
    case ${__isol8_text[__isol8]} in
      EXIT) __isol8_exit=${__isol8_text[__isol8 - 1]} ;;
      DEBUG) __isol8_debug=$__isol8_quoted ;;
      *) __isol8_traps+=$__isol8_quoted$'\n' ;;
    esac
  done
  builtin trap - EXIT
fi
builtin return "$__isol8_status"
