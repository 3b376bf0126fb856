#!/bin/sh
# Makes sure that sshd and ssh are installed, for the tests that reach Docker by ssh. Starts nothing: the tests start an
# sshd of their own. On Debian and its relatives, as root, it installs them when needed.
set -eu
cd "$(dirname "$0")/.."
. scripts/lib.sh

# Debian has sshd outside of the PATH of ordinary users.
PATH=$PATH:/usr/sbin
{ have sshd && have ssh && have ssh-keygen; } && { ok "sshd is installed"; exit 0; }

# Installing the package must not start its service.
policy=/usr/sbin/policy-rc.d
if is_root && [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
    trap 'rm -f "$policy"' EXIT
fi
apt_install "the tests of Docker by ssh" openssh-server openssh-client
ok "sshd is installed"
