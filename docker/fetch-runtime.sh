#!/bin/sh
# Downloads a runtime pinned in runtimes.lock for this architecture, checks it and unpacks it to
# /fetched/<runtime>. Runs while the images are built.
# usage: fetch-runtime <runtime> <registry>
set -eu
runtime=$1
registry=${2%/}
arch=$(dpkg --print-architecture)

entry=$(awk -v r="$runtime" -v a="$arch" '$1 == r && $2 == a { print $3, $4 }' /usr/local/share/runtimes.lock)
[ -n "$entry" ] || { echo "no $runtime is pinned for $arch" >&2; exit 1; }
tarball=${entry% *}
digest=${entry#* }

mkdir -p "/fetched/$runtime"
curl -fsSL --retry 2 --connect-timeout 20 --max-time 600 -o /fetched/tarball "$registry/$tarball"
echo "$digest  /fetched/tarball" | sha512sum -c --quiet -
tar -xzf /fetched/tarball -C "/fetched/$runtime" --strip-components=1 --no-same-owner
rm /fetched/tarball
