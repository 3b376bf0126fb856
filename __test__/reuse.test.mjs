// A used sandbox is clean for the next program, whatever the first one did. A sandbox that cannot be cleaned is
// never used again.

import assert from "node:assert/strict";
import { isGone, onlyDocker } from "./helpers/backend.mjs";
import { outputOf, sharedEngine, test, until, withEngine } from "./helpers/harness.mjs";
import { assertReusedClean } from "./helpers/probe.mjs";

const engine = sharedEngine({ poolSize: { clean: 1, dirty: 1 } });

/** Programs that leave something behind, by what that is. Each must end with exit code 0. */
const TRACES = {
  "files in every writable place": [
    "bash",
    "for d in /sandbox /tmp /dev/shm; do echo x >$d/f; echo x >$d/.hidden; mkdir -p $d/a/b/c; done",
  ],
  "folders without any permission": [
    "bash",
    "mkdir -p /sandbox/a/b/c /tmp/x/y; touch /sandbox/a/b/c/f; chmod 000 /sandbox/a/b/c /sandbox/a/b /sandbox/a /tmp/x/y /tmp/x",
  ],
  "a tree deeper than a path is long": [
    "python",
    `import os
for place in ("/sandbox", "/tmp"):
    os.chdir(place)
    for _ in range(1500):
        os.mkdir("folder-of-a-deep-tree"); os.chdir("folder-of-a-deep-tree")
    open("leaf", "w").close()`,
  ],
  "very many files": ["python", "for n in range(20000): open(f'/sandbox/{n}', 'w').close()"],
  "symbolic links to everywhere": [
    "bash",
    "ln -s / /sandbox/root; ln -s /sandbox /sandbox/self; ln -s /nowhere /tmp/dangling; ln -s /proc/self/root /dev/shm/r",
  ],
  "odd names": [
    "python",
    `import os
for name in (b"-rf", b"a\\nb", b"\\xff\\xfe", b" ", b"*", b"x" * 255):
    open(b"/sandbox/" + name, "w").close(); os.mkdir(b"/tmp/" + name)`,
  ],
  "pipes, sockets and hard links": [
    "python",
    `import os, socket
os.mkfifo("/sandbox/fifo"); s = socket.socket(socket.AF_UNIX); s.bind("/tmp/socket")
open("/sandbox/f", "w").close(); os.link("/sandbox/f", "/sandbox/g")`,
  ],
  "shared memory": [
    "python",
    `from multiprocessing import shared_memory, resource_tracker
memory = shared_memory.SharedMemory(create=True, size=1 << 20, name="left")
resource_tracker.unregister(memory._name, "shared_memory")
import os; assert os.path.exists("/dev/shm/left")`,
  ],
  "System V objects": [
    "python",
    `import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
ids = [libc.shmget(0x1234, 4096, 0o1666), libc.msgget(0x1234, 0o1666), libc.semget(0x1234, 1, 0o1666)]
assert all(i >= 0 or ctypes.get_errno() in (1, 38) for i in ids), (ids, os.strerror(ctypes.get_errno()))`,
  ],
  "another mode of /sandbox": ["bash", "touch /sandbox/f; chmod 1777 /sandbox"],
  "a /sandbox that nobody may enter": ["bash", "touch /sandbox/f; chmod 0 /sandbox"],
  "extended attributes": [
    "python",
    `import os
for place in ("/sandbox",):
    try: os.setxattr(place, "user.left", b"x")
    except OSError as error: assert error.errno == 95, error  # no such attributes on this tmpfs
open("/sandbox/f", "w").close()`,
  ],
  "flags of the folder": [
    "python",
    `import fcntl, os, struct
folder = os.open("/sandbox", os.O_RDONLY)
try: fcntl.ioctl(folder, 0x40086602, struct.pack("q", 0xC0))  # FS_IOC_SETFLAGS: no dump, no access times
except OSError as error: assert error.errno in (25, 95), error  # no such flags on this tmpfs`,
  ],
  "connections to itself": [
    "python",
    `import socket
listener = socket.create_server(("127.0.0.9", 4321))
for _ in range(5):
    caller = socket.create_connection(("127.0.0.9", 4321)); called, _ = listener.accept()
    caller.close(); called.close()`,
  ],
  "a changed working directory and limits": ["bash", "cd /tmp; ulimit -n 5; umask 077; touch f"],
};

for (const [what, [runtime, code]] of Object.entries(TRACES)) {
  test(`reuse after ${what}`, async () => {
    // A pool has one image, and the probe is Python. So programs in Bash run as a command in the Python image.
    const request = runtime === "bash" ? { cmd: code } : { code };
    const result = await engine.execute({ runtime: "python", ...request });
    assert.equal(result.exitCode, 0, result.stderr);
    await assertReusedClean(engine, result.containerId);
  });
}

test("reuse after requests through the proxy", async () => {
  const networkFilter = { whitelist: ["^allowed\\.test$"] };
  await withEngine({ network: "filtered", networkFilter }, async (filtered) => {
    const code = `import urllib.request, urllib.error
for _ in range(5):
    try: urllib.request.urlopen("http://blocked.test/")
    except urllib.error.HTTPError as error: print(error.code)`;
    const result = await filtered.execute({ runtime: "python", code });
    assert.equal(result.stdout, "403\n403\n403\n403\n403", result.stderr);
    await assertReusedClean(filtered, result.containerId);
  });
});

test("the secure strategy resets before the next program starts", async () => {
  await withEngine({ poolStrategy: "secure" }, async (secure) => {
    const cmd = "touch /sandbox/f /tmp/f; setsid sleep 600 >/dev/null 2>&1 &";
    const { containerId } = await secure.execute({ runtime: "python", cmd });
    await assertReusedClean(secure, containerId);
  });
});

test("environment and files of one program are not visible to the next", async () => {
  const first = await engine.execute({
    runtime: "python",
    code: "open('/sandbox/main2.py', 'w').write('x'); open('/sandbox/.bashrc', 'w').write('echo x')",
    env: { SECRET_OF_THE_FIRST: "1" },
    files: { "/sandbox/data": "x", "/tmp/data": "x" },
  });
  assert.equal(first.exitCode, 0);
  const code =
    "import os; print(sorted(k for k in os.environ if 'FIRST' in k), os.listdir('/tmp'))";
  assert.equal(await outputOf(engine, { runtime: "python", code }), "[] []");
  await assertReusedClean(engine, first.containerId);
});

for (const [what, options] of [
  ["a writable root", { readonlyRootFs: false }],
  ["seccomp unconfined", { security: { seccomp: "unconfined" } }],
]) {
  const where = what === "a writable root" ? onlyDocker : {};
  test(`a sandbox with ${what} is never used again`, where, async () => {
    await withEngine(options, async (once) => {
      const seen = new Set();
      for (let round = 0; round < 4; round += 1) {
        const result = await once.execute({ runtime: "bash", code: "uname -n" });
        assert.equal(result.exitCode, 0, result.stderr);
        assert.ok(!seen.has(result.containerId), "used twice");
        seen.add(result.containerId);
      }
      for (const id of seen) await until(() => isGone(id), `${id} is removed`);
    });
  });
}

test(
  "a program can write to a writable root where file permissions allow it",
  onlyDocker,
  async () => {
    await withEngine({ readonlyRootFs: false }, async (writable) => {
      const code = "echo x >/var/tmp/f && cat /var/tmp/f; touch /usr/f 2>/dev/null || echo no";
      const output = await outputOf(writable, { runtime: "bash", code });
      assert.equal(output, "x\nno");
      const next = "ls -A /var/tmp";
      assert.equal(await outputOf(writable, { runtime: "bash", code: next }), "");
    });
  },
);

test("the root file system is read-only by default", async () => {
  const cmd =
    "touch /var/tmp/f 2>&1; touch /root/f /usr/f /etc/f 2>/dev/null; grep ' / ' /proc/mounts";
  const result = await engine.execute({ runtime: "python", cmd });
  assert.match(result.stdout, /Read-only file system/);
  assert.match(result.stdout, / \/ \S+ ro,/);
});
