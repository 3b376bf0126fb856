#!/bin/sh
# Makes sure that the programs are installed that give users a range of ids, for the tests of local sandboxes as another
# user than root, and bubblewrap, which the benchmark compares them with. On Debian and its relatives, as root, it
# installs them when needed.
set -eu
cd "$(dirname "$0")/.."
. scripts/lib.sh

{ have newuidmap && have newgidmap; } || apt_install "the tests of local sandboxes" uidmap
have bwrap || apt_install "the benchmark of local sandboxes" bubblewrap
ok "uidmap and bubblewrap are installed"
