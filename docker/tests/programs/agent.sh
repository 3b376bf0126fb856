#!/bin/bash
# What the coding agent needs in its image.
set -euo pipefail
pi --version >/dev/null 2>&1
pi --help | grep -q -- --append-system-prompt
git init -q repo && cd repo && echo x >file && git add file
git -c user.name=a -c user.email=a@b commit -q -m first && git clone -q . ../clone
[ "$(rg -l x)" = file ] && [ "$(fd file)" = file ]
echo 'console.log(1)' >a.ts && [ "$(bun run a.ts)" = 1 ] && [ "$(node -p 1)" = 1 ]
echo ok steps
echo done
