# Begins a call of the resident Bash of a session: reads the command, which follows the line of
# script that sources this file, and makes the call's surroundings. Must work under any option that
# a program may have set, and runs no command that a program may have replaced.
IFS= builtin read -r -d '' -u 250 isol8_call
IFS= builtin read -r -d '' -u 250 isol8_program
IFS= builtin read -r -d '' -u 250 isol8_cwd
IFS= builtin read -r -d '' -u 250 isol8_count
builtin exec 0</.isol8-session/0 1>/.isol8-session/1 2>/.isol8-session/2
builtin printf '%s\n' "$isol8_call" >&251
BASH_ARGV0=$isol8_program
isol8_names=() isol8_values=() isol8_before=() isol8_was=()
while ((isol8_count > 0)); do
  isol8_count=$((isol8_count - 1))
  IFS= builtin read -r -d '' -u 250 isol8_name
  IFS= builtin read -r -d '' -u 250 isol8_value
  # A name that is none in Bash cannot be a variable of it.
  case $isol8_name in [0-9]* | *[!A-Za-z0-9_]*) continue ;; esac
  isol8_names+=("$isol8_name") isol8_values+=("$isol8_value")
  if [[ -v $isol8_name ]]; then
    isol8_before+=("${!isol8_name}")
    case ${!isol8_name@a} in *x*) isol8_was+=(exported) ;; *) isol8_was+=(set) ;; esac
  else
    isol8_before+=('') isol8_was+=(unset)
  fi
  builtin export "$isol8_name=$isol8_value" 2>/dev/null || :
done
isol8_here='' isol8_left=''
if [[ -n $isol8_cwd ]]; then
  isol8_left=$PWD
  builtin cd -- "$isol8_cwd" && isol8_here=$PWD || :
fi
builtin unset -v isol8_count isol8_name isol8_value isol8_cwd
