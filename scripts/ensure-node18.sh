#!/bin/sh
# Makes sure that there is a Node.js 18, the oldest version that starts the command, for its tests. It comes from npm and
# is kept in .cache/node18.
set -eu
cd "$(dirname "$0")/.."
. scripts/lib.sh

version=18.20.8
folder=.cache/node18
platform=$(node -p 'process.platform + "-" + process.arch')
program=$folder/node_modules/node-$platform/bin/node
if [ "$("$program" --version 2>/dev/null || true)" != "v$version" ]; then
    mkdir -p "$folder"
    npm install --prefix "$folder" --no-save --no-audit --no-fund --ignore-scripts --loglevel error \
        "node-$platform@$version"
fi
ok "Node.js $version is in $folder"
