# Messages and checks that the scripts in this directory share. They source this file. Every script can run again
# and does nothing when nothing is needed.
# shellcheck shell=sh

note() { printf '[INFO] %s\n' "$*" >&2; }
ok() { printf '[OK] %s\n' "$*" >&2; }
die() { printf '[ERR] %s\n' "$*" >&2; exit 1; }

have() { command -v "$1" >/dev/null 2>&1; }
is_root() { [ "$(id -u)" = 0 ]; }

# Runs a command with a time limit in seconds, or without one on systems that lack `timeout` (macOS).
bounded() {
    if have timeout; then timeout "$@"; else shift; "$@"; fi
}

# Whether a Docker daemon answers. The docker command follows DOCKER_HOST and the docker context.
docker_answers() {
    have docker && bounded 10 docker version --format '{{.Server.Version}}' >/dev/null 2>&1
}

# Installs Debian packages. $1 is the purpose for messages, the rest are package names.
apt_install() {
    purpose=$1
    shift
    have apt-get || die "$purpose needs: $*. Install them with your system's package manager and run this again."
    is_root || die "$purpose needs: $*. Run as root: apt-get install $*"
    note "installing $* (for $purpose)"
    DEBIAN_FRONTEND=noninteractive
    export DEBIAN_FRONTEND
    apt-get update -qq || note "apt-get update reported a problem; trying with the lists at hand"
    apt-get install -y -qq --no-install-recommends "$@" >&2 || die "apt-get could not install $*"
}

# Prints the URI of this machine's Debian mirror: the first in apt's sources, in either format, whose path ends in $1
# ("debian" or "debian-security"). Prints nothing when there is none.
debian_mirror() {
    cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources 2>/dev/null |
        sed -e '/^[[:space:]]*#/d' -e 's/\[[^]]*\]//g' |
        grep -E '^[[:space:]]*(deb[[:space:]]|URIs:)' |
        tr -s '[:space:]' '\n' |
        grep -E "^https?://[^[:space:]]+/$1/?\$" |
        head -n 1
}
