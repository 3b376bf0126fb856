#!/bin/bash
# What usual shell programs do. Each step must work under the seccomp profile.
set -euo pipefail

[ "$(seq 1 100 | sort -rn | head -n 1)" = 100 ]
[ "$(cat <(echo sub))" = sub ]
sleep 60 & kill %1; wait %1 || [ $? = 143 ]
timeout 0.1 sleep 5 || [ $? = 124 ]
mkfifo pipe && (echo through >pipe &) && [ "$(cat pipe)" = through ]
mkdir -p a/b && echo x >a/b/c && cp -a a copy && mv copy moved && ln -s a link && ln a/b/c hard
tar -czf a.tgz a && mkdir out && tar -xzf a.tgz -C out && cmp a/b/c out/a/b/c
touch -d 2020-01-01 a/b/c && chmod 600 a/b/c && stat a/b/c >/dev/null && rm -r a
dd if=/dev/zero of=big bs=1M count=4 status=none && truncate -s 1M big && df . >/dev/null
trap 'echo caught >trapped' USR1 && kill -USR1 $$ && [ "$(cat trapped)" = caught ]
exec 3<>/dev/null && exec 3>&-
coproc CAT { cat; } && echo hi >&"${CAT[1]}" && read -r line <&"${CAT[0]}" && [ "$line" = hi ]
ulimit -c 0 && nice -n 1 true && setsid true && nohup true >/dev/null 2>&1 && sync
echo ok steps
echo done
