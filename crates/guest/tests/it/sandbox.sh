# A sandbox as Docker makes it, of what this machine has: own root directory, processes, IPC,
# network and mounts; a root user with three capabilities. Arguments: an empty directory, the guest,
# perhaps the socket of its link.
set -e
ip link set lo up
# As the engine asks Docker to, unless a test wants it otherwise.
echo "${TIME_WAIT:-0}" >/proc/sys/net/ipv4/tcp_max_tw_buckets
echo "4096 65536 131072" | tee /proc/sys/net/ipv4/tcp_rmem >/proc/sys/net/ipv4/tcp_wmem
root=$1
mount --make-rprivate /
mount -t tmpfs -o mode=755 tmpfs "$root"
cd "$root"
mkdir -p sandbox tmp dev proc .isol8 secret
for name in usr bin sbin lib lib64 etc; do
    if [ -L "/$name" ]; then
        cp -P "/$name" "$name"
    elif [ -d "/$name" ]; then
        mkdir "$name"
        mount --rbind "/$name" "$name"
        mount -o remount,bind,ro "$name"
    fi
done
echo forbidden >secret/file
chmod 600 secret/file
cp "$2" .isol8/guest
if [ -n "$3" ]; then
    touch .isol8-link
    mount --bind -o ro "$3" .isol8-link
fi
mount -t tmpfs -o mode=755 tmpfs dev
for device in null zero full random urandom; do
    touch "dev/$device"
    mount --bind "/dev/$device" "dev/$device"
done
ln -s /proc/self/fd dev/fd
ln -s /proc/self/fd/0 dev/stdin
ln -s /proc/self/fd/1 dev/stdout
ln -s /proc/self/fd/2 dev/stderr
mkdir dev/shm dev/mqueue
# After the guest was copied: where Docker mounts it, it is no memory of the sandbox.
if [ -n "$MEMORY_GROUP" ]; then
    echo $$ >"$MEMORY_GROUP/cgroup.procs"
fi
mount -t tmpfs -o uid=100,gid=101,mode=755,size=${FILES:-64m} tmpfs sandbox
mount -t tmpfs -o mode=1777,size=${FILES:-64m},noexec tmpfs tmp
mount -t tmpfs -o mode=1777,size=8m tmpfs dev/shm
mount -t mqueue mqueue dev/mqueue
mount -t proc proc proc
for volume in $VOLUMES; do
    mkdir -p "$root$volume"
    mount -t tmpfs -o mode=1777,size=1m tmpfs "$root$volume"
done
if [ -n "$CONTENT" ]; then
    mkdir "$root/.isol8-volumes"
    mv "$CONTENT" "$root/.isol8-volumes/content"
fi
if [ -n "$MEMORY_GROUP" ]; then
    mkdir -p "$root$MEMORY_MOUNT"
    mount --rbind "$MEMORY_GROUP" "$root$MEMORY_MOUNT"
    mount -o remount,bind,ro "$root$MEMORY_MOUNT"
fi
mount -o remount,bind,ro "$root"
arguments=$ARGUMENTS
unset OLDPWD PWD MEMORY_GROUP MEMORY_MOUNT FILES VOLUMES ARGUMENTS CONTENT
# The arguments are words.
# shellcheck disable=SC2086
exec chroot "$root" setpriv --no-new-privs --inh-caps=-all \
    --bounding-set=-all,+setuid,+setgid,+kill,+sys_resource /.isol8/guest strict $arguments
