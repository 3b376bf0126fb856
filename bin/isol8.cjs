#!/usr/bin/env sh
':' /*
# Starts the isol8 program of this platform. A shell reads this file up to the exec, and JavaScript reads the last line.
# A shell starts the program in about a tenth of the time that Node.js needs, and becomes it: signals, exit code and
# job control are those of the program itself. It needs no Node.js either, which a machine with Bun may lack.
self=$0
if [ -h "$self" ]; then self=$(readlink -f "$self" 2>/dev/null) || self=; fi
case $self in *[/]*) package=${self%/*}/.. ;; *) package=.. ;; esac
found=
count=0
for platform in linux-x64-gnu linux-arm64-gnu darwin-x64 darwin-arm64; do
  for file in \
    "$package/node_modules/@isol8/core-$platform/isol8" \
    "$package/node_modules/@isol8/core/node_modules/@isol8/core-$platform/isol8" \
    "$package/../core-$platform/isol8" \
    "$package/../@isol8/core/../core-$platform/isol8" \
    "$package/../@isol8/core/node_modules/@isol8/core-$platform/isol8" \
    "$package/isol8.$platform.bin"; do
    if [ -n "$self" ] && [ -x "$file" ]; then
      found=$file
      count=$((count + 1))
      break
    fi
  done
done
if [ "$count" = 1 ]; then
  # That of a launcher further up, where one isol8 program starts another: this one would end at once.
  unset ISOL8_LAUNCHER
  exec "$found" "$@"
fi
# The package is elsewhere, or there are several of them. JavaScript knows more about both.
for runtime in node bun; do
  if command -v "$runtime" >/dev/null 2>&1; then exec "$runtime" "${self:-$0}" "$@"; fi
done
echo "[ERR] The isol8 program was not found, nor Node.js or Bun to look further. Install @isol8/core again." >&2
exit 1
*/
require("./launch.cjs");
