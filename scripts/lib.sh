# Shared by the scripts in this directory: messages and the small checks that several of them make.
# Sourced, never run. Every script is idempotent and does nothing when nothing is needed.
# shellcheck shell=sh

note() { printf '[INFO] %s\n' "$*" >&2; }
ok() { printf '[OK] %s\n' "$*" >&2; }
die() { printf '[ERR] %s\n' "$*" >&2; exit 1; }

have() { command -v "$1" >/dev/null 2>&1; }
is_root() { [ "$(id -u)" = 0 ]; }

# A bounded command; on systems without `timeout` (macOS) it simply runs.
bounded() {
    if have timeout; then timeout "$@"; else shift; "$@"; fi
}

# Whether a Docker daemon answers. The client itself follows DOCKER_HOST and the docker context.
docker_answers() {
    have docker && bounded 10 docker version --format '{{.Server.Version}}' >/dev/null 2>&1
}

# Installs Debian packages that are missing. $1 says what for, the rest are package names.
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

# URI of the machine's own Debian mirror, out of both formats of apt's sources: the first one whose
# path ends in $1 ("debian" or "debian-security"). Nothing on a machine without one.
debian_mirror() {
    cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources 2>/dev/null |
        sed -e '/^[[:space:]]*#/d' -e 's/\[[^]]*\]//g' |
        grep -E '^[[:space:]]*(deb[[:space:]]|URIs:)' |
        tr -s '[:space:]' '\n' |
        grep -E "^https?://[^[:space:]]+/$1/?\$" |
        head -n 1
}
