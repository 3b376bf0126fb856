#!/bin/sh
# Makes sure that a Docker daemon answers, at DOCKER_HOST or in the docker context if these are set. On Debian and its
# relatives, as root, it installs and starts one when needed. Elsewhere it prints what to do.
set -eu
cd "$(dirname "$0")/.."
. scripts/lib.sh

START_SECONDS=60
log=.cache/dockerd.log

if docker_answers; then
    ok "Docker answers (server $(docker version --format '{{.Server.Version}}'))"
    exit 0
fi

[ -z "${DOCKER_HOST:-}" ] ||
    die "DOCKER_HOST is $DOCKER_HOST, but no Docker daemon answers there. Start it, or unset DOCKER_HOST."
[ "$(uname -s)" = Linux ] ||
    die "No Docker daemon answers. Start Docker Desktop (or colima, OrbStack, …) and run this again."
is_root ||
    die "No Docker daemon answers. Start it (sudo systemctl start docker), or join the docker group (sudo usermod -aG docker \"\$USER\", then log in again)."

{ have dockerd && have docker && have iptables; } || apt_install "running sandboxes" docker.io iptables
# Newer Debian releases have the client in a separate package.
have docker || apt_install "talking to Docker" docker-cli

# With an init system the daemon also starts after a reboot.
if [ -d /run/systemd/system ]; then
    note "starting Docker with systemd"
    systemctl start docker || die "systemctl could not start docker; see: journalctl -u docker"
else
    mkdir -p .cache
    note "starting dockerd in the background; it logs to $log"
    # A new session, so that the daemon outlives this script and its terminal.
    setsid nohup dockerd >>"$log" 2>&1 </dev/null &
    daemon=$!
fi

printf '[INFO] waiting for Docker ' >&2
waited=0
until docker_answers; do
    if [ "$waited" -ge "$START_SECONDS" ] || ! kill -0 "${daemon:-$$}" 2>/dev/null; then
        printf '\n' >&2
        [ ! -f "$log" ] || tail -n 20 "$log" >&2
        die "Docker did not start (waited $waited s, at most $START_SECONDS). The end of its log is above."
    fi
    printf '.' >&2
    sleep 1
    waited=$((waited + 1))
done
printf '\n' >&2
ok "Docker answers (server $(docker version --format '{{.Server.Version}}'))"
