# What BASH_ENV names: see park.sh. With a PIPESTATUS of its own, and left by `return`, so that the
# shell has none yet when the program begins; `$_` is what it was because it is the last argument.
PIPESTATUS='' eval '. "${BASH_ENV%/*}/park.sh" "$_"; return'
