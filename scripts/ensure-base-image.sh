#!/bin/sh
# Makes sure that the Docker daemon has the image that docker/Dockerfile starts from. Pulls the image. Where no image
# registry is in reach, makes it with debootstrap from a Debian mirror.
set -eu
cd "$(dirname "$0")/.."
. scripts/lib.sh

PULL_SECONDS=20
suite=bookworm
image=$(sed -n 's/^ARG BASE_IMAGE=//p' docker/Dockerfile | head -n 1)
[ -n "$image" ] || die "docker/Dockerfile has no line 'ARG BASE_IMAGE=…'"

docker_answers || die "No Docker daemon answers. Run scripts/ensure-docker.sh first."
if docker image inspect "$image" >/dev/null 2>&1; then
    ok "$image exists"
    exit 0
fi

note "pulling $image (at most $PULL_SECONDS s)"
if bounded "$PULL_SECONDS" docker pull -q "$image" >/dev/null 2>&1; then
    ok "$image pulled"
    exit 0
fi

note "$image cannot be pulled; making it with debootstrap (about two minutes)"
case $image in
    debian:"$suite"*) ;;
    *) die "only Debian $suite can be made without a registry, and docker/Dockerfile asks for $image" ;;
esac
if [ "$(uname -s)" != Linux ] || ! is_root; then
    die "$image can neither be pulled nor made: debootstrap needs root on Linux. Log in to a registry that has it, or run this as root."
fi
have debootstrap || apt_install "making $image" debootstrap
[ -e /usr/share/keyrings/debian-archive-keyring.gpg ] || apt_install "making $image" debian-archive-keyring

mirror=$(debian_mirror debian)
mirror=${mirror:-http://deb.debian.org/debian}
security=$(debian_mirror debian-security)
security=${security:-http://deb.debian.org/debian-security}

root=$(mktemp -d "${TMPDIR:-/tmp}/isol8-base.XXXXXX")
trap 'rm -rf "$root"' EXIT
trap 'exit 130' INT TERM
debootstrap --variant=minbase "$suite" "$root/fs" "$mirror" >&2 || {
    tail -n 20 "$root/fs/debootstrap/debootstrap.log" >&2 2>/dev/null || true
    die "debootstrap failed with mirror $mirror"
}

# Leaves out what the published "slim" image leaves out, now and in later installations.
cat >"$root/fs/etc/apt/sources.list" <<LIST
deb $mirror $suite main
deb $mirror $suite-updates main
deb $security $suite-security main
LIST
cat >"$root/fs/etc/dpkg/dpkg.cfg.d/slim" <<'RULES'
path-exclude /usr/share/doc/*
path-include /usr/share/doc/*/copyright
path-exclude /usr/share/man/*
path-exclude /usr/share/locale/*
path-exclude /usr/share/info/*
RULES
printf 'Acquire::Languages "none";\n' >"$root/fs/etc/apt/apt.conf.d/slim"
find "$root/fs/usr/share/doc" -type f ! -name copyright -delete
find "$root/fs/usr/share/doc" -type l -delete
find "$root/fs/usr/share/doc" -depth -type d -empty -delete
rm -rf "$root/fs/usr/share/man" "$root/fs/usr/share/locale" "$root/fs/usr/share/info" \
    "$root/fs/var/cache/apt/archives" "$root/fs/var/lib/apt/lists" "$root/fs/var/log"/*.log \
    "$root/fs/var/log/apt" "$root/fs/etc/resolv.conf" "$root/fs/etc/hostname" "$root/fs/etc/machine-id"
mkdir -p "$root/fs/var/cache/apt/archives/partial" "$root/fs/var/lib/apt/lists/partial"
: >"$root/fs/etc/machine-id"

note "importing $image"
tar -C "$root/fs" --numeric-owner -c . |
    docker import --change 'CMD ["bash"]' \
        --change 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' \
        - "$image" >/dev/null
ok "$image made from $mirror"
