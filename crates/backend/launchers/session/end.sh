# Ends a call of the resident Bash of a session: undoes what `begin.sh` made, unless the program
# changed it again, and reports the program's exit code. Tracing ends with the program: what comes
# between two calls is nobody's.
isol8_status=$?
case $- in *x*) builtin set +x ;; esac
for isol8_index in "${!isol8_names[@]}"; do
  isol8_name=${isol8_names[isol8_index]}
  [[ ${!isol8_name-} == "${isol8_values[isol8_index]}" ]] || continue
  case ${isol8_was[isol8_index]} in
    unset) builtin unset -v "$isol8_name" || : ;;
    set) builtin declare +x "$isol8_name=${isol8_before[isol8_index]}" || : ;;
    *) builtin declare -x "$isol8_name=${isol8_before[isol8_index]}" || : ;;
  esac
done
if [[ -n $isol8_here && $PWD == "$isol8_here" ]]; then builtin cd -- "$isol8_left" || :; fi
builtin printf '%s %s\n' "$isol8_call" "$isol8_status" >&251
builtin unset -v isol8_names isol8_values isol8_before isol8_was isol8_name isol8_index \
  isol8_here isol8_left isol8_status
