#!/bin/sh
# Makes sure that Podman, gVisor and crun are installed, for the tests of other engines than Docker's default. Starts
# nothing: the tests start services of their own. On Debian and its relatives, as root, it installs them when needed.
# Elsewhere the tests that need them do not run.
set -eu
cd "$(dirname "$0")/.."
. scripts/lib.sh

PATH=$PATH:/usr/sbin:/sbin
absent=
for program in podman runsc crun; do
    have "$program" || absent="$absent $program"
done
[ -n "$absent" ] || { ok "Podman, gVisor and crun are installed"; exit 0; }
if ! have apt-get || ! is_root; then
    note "without$absent: the tests that need them do not run"
    exit 0
fi

# Installing the packages must not start their services.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
    trap 'rm -f "$policy"' EXIT
fi
for program in $absent; do
    # Not every release of Debian has each of them.
    (apt_install "the tests of other engines" "$program") || note "without $program"
done
ok "engines for the tests are installed where there are packages of them"
