#!/bin/sh
# Makes sure that isol8-test/busybox:latest exists: an image with one static program, without libc, users or a package
# manager. Tests use it to show that any local image works.
set -eu
cd "$(dirname "$0")/.."
. scripts/lib.sh

image=isol8-test/busybox:latest

docker_answers || die "No Docker daemon answers. Run scripts/ensure-docker.sh first."
if docker image inspect "$image" >/dev/null 2>&1; then
    ok "$image exists"
    exit 0
fi
note "making $image from Debian's package busybox-static"

# Runs as root, with apt, in an empty directory. Leaves the files of the image in ./root.
# shellcheck disable=SC2016 # expanded by the shell that runs it
make_root='
    set -eu
    get() { apt-get download -qq -o APT::Sandbox::User=root busybox-static; }
    get 2>/dev/null || { apt-get update -qq; get; }
    dpkg -x busybox-static_*.deb out
    mkdir -p root/bin root/tmp
    cp out/bin/busybox root/bin/
    for applet in $(out/bin/busybox --list); do
        [ "$applet" = busybox ] || ln -s busybox "root/bin/$applet"
    done
'
work=$(mktemp -d "${TMPDIR:-/tmp}/isol8-busybox.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
if have apt-get && have dpkg && is_root; then
    (cd "$work" && sh -c "$make_root" >&2) || die "busybox-static cannot be downloaded with apt-get"
    tar -C "$work/root" --owner=0 --group=0 -cf "$work/root.tar" .
else
    scripts/ensure-base-image.sh
    base=$(sed -n 's/^ARG BASE_IMAGE=//p' docker/Dockerfile | head -n 1)
    docker run --rm -w /tmp "$base" sh -c "{ $make_root } >&2; tar -C root -c ." >"$work/root.tar" ||
        die "busybox-static cannot be downloaded in a container of $base"
fi
docker import --change 'CMD ["sh"]' --change 'ENV PATH=/bin' "$work/root.tar" "$image" >/dev/null
ok "$image made"
