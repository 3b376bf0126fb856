// Checks that a sandbox is clean, with a program that lists everything that an earlier one could have left.

import assert from "node:assert/strict";

const PROBE = `
import ctypes, fcntl, json, os
left = []
for root in ("/sandbox", "/tmp", "/dev/shm", "/dev/mqueue"):
    for folder, folders, files in os.walk(root):
        left += [os.path.join(folder, name) for name in folders + files]
left.remove("/sandbox/main.py")
def command(pid):
    try:
        return open(f"/proc/{pid}/cmdline").read().replace("\\0", " ").strip()
    except OSError:
        return "?"
own = {1, os.getpid()}
libc = ctypes.CDLL(None, use_errno=True)
ipc = [kind for kind in ("shm", "msg", "sem") if len(open("/proc/sysvipc/" + kind).readlines()) > 1]
root = os.stat("/sandbox")
flags = bytearray(8)
try:
    fcntl.ioctl(os.open("/sandbox", os.O_RDONLY), 0x80086601, flags)  # FS_IOC_GETFLAGS
except OSError:
    pass  # no such flags on this tmpfs
connections = sum((open("/proc/net/" + name).readlines()[1:] for name in ("tcp", "tcp6", "udp", "udp6")), [])
print(json.dumps({
    "left": left,
    "processes": [command(pid) for pid in os.listdir("/proc") if pid.isdigit() and int(pid) not in own],
    "ipc": ipc,
    "attributes": os.listxattr("/sandbox"),
    "flags": flags.hex(),
    # The listener of the proxy is there for this program.
    "connections": [line for line in connections if "0100007F:1FB6 00000000:0000 0A" not in line],
    "sandbox": [oct(root.st_mode), root.st_uid, root.st_gid],
    "tmp": oct(os.stat("/tmp").st_mode),
}))
`;

const CLEAN = {
  left: [],
  processes: [],
  ipc: [],
  attributes: [],
  flags: "0000000000000000",
  connections: [],
  sandbox: ["0o40755", 100, 101],
  tmp: "0o41777",
};

/** Runs the probe once. Its sandbox must be clean. Returns the result. */
export async function assertClean(engine) {
  const result = await engine.execute({ runtime: "python", code: PROBE });
  assert.equal(result.exitCode, 0, result.stderr);
  assert.deepEqual(JSON.parse(result.stdout), CLEAN);
  return result;
}

/**
 * Asserts that every sandbox that is handed out from now on is clean, and that the one of `containerId` is among them.
 * Otherwise a test of reuse could pass with a new sandbox. The pool may prefer other clean sandboxes, so each round asks
 * for one more at once than the round before.
 */
export async function assertReusedClean(engine, containerId) {
  for (let asked = 1; asked <= 8; asked += 1) {
    const probes = Array.from({ length: asked }, () => assertClean(engine));
    const given = await Promise.all(probes);
    if (given.some((result) => result.containerId === containerId)) return;
  }
  assert.fail(`the sandbox ${containerId} was not used again`);
}
