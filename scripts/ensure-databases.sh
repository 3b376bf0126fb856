#!/bin/sh
# Makes sure that the servers of PostgreSQL and MariaDB are installed, for the tests of the key database. Starts nothing:
# the tests start servers of their own. On Debian and its relatives, as root, it installs them when needed.
set -eu
cd "$(dirname "$0")/.."
. scripts/lib.sh

has_postgres() { ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 || have postgres; }
has_mariadb() { have mariadbd && have mariadb-install-db; }

# Debian has mariadbd outside of the PATH of ordinary users.
PATH=$PATH:/usr/sbin
{ has_postgres && has_mariadb; } && { ok "PostgreSQL and MariaDB are installed"; exit 0; }

# Installing the packages must not start their services.
policy=/usr/sbin/policy-rc.d
if is_root && [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
    trap 'rm -f "$policy"' EXIT
fi
has_postgres || apt_install "the tests of the key database" postgresql
has_mariadb || apt_install "the tests of the key database" mariadb-server
ok "PostgreSQL and MariaDB are installed"
