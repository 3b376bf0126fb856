#!/usr/bin/env sh
':' /*
# `isol8-server`, another name of `isol8 serve`. A shell reads this file up to the exec, and JavaScript the last lines.
self=$0
if [ -h "$self" ]; then self=$(readlink -f "$self" 2>/dev/null) || self=$0; fi
case $self in *[/]*) folder=${self%/*} ;; *) folder=. ;; esac
exec sh "$folder/isol8.cjs" isol8-server "$@"
*/
process.argv.splice(2, 0, "isol8-server");
require("./launch.cjs");
