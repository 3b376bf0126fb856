#!/bin/sh
# Makes sure that schemathesis is installed, for the test of the server's OpenAPI document, and prints the path of its
# program. It lies in an environment of its own, in .cache. Exits with 3 when the package cannot be fetched.
set -eu
cd "$(dirname "$0")/.."
. scripts/lib.sh

version=4.32.5
folder=$PWD/.cache/schemathesis-$version
program=$folder/bin/schemathesis
made=$folder/.made
[ -e "$made" ] && { echo "$program"; exit 0; }

has_venv() { python3 -c 'import ensurepip, venv' >/dev/null 2>&1; }
has_venv || apt_install "the test of the OpenAPI document" python3-venv
mkdir -p .cache
rm -rf "$folder"
python3 -m venv "$folder" >&2 || die "python3 cannot make the environment $folder"
note "installing schemathesis $version (for the test of the OpenAPI document)"
if ! bounded 300 "$folder/bin/pip" install --quiet --disable-pip-version-check "schemathesis==$version" >&2; then
    note "the package schemathesis cannot be fetched"
    exit 3
fi
touch "$made"
echo "$program"
