// What user code may do, seen from inside and from outside a running sandbox.

import assert from "node:assert/strict";
import { networkInterfaces } from "node:os";
import { backend, listInterfaces, onlyDocker } from "./helpers/backend.mjs";
import { docker, inspect } from "./helpers/docker.mjs";
import { outputOf, sharedEngine, test, withEngine } from "./helpers/harness.mjs";

const engine = sharedEngine();

/** Files of the guest. In local sandboxes its program has no path. */
const OF_GUEST = ["/.isol8/bash/park.sh", ...(backend === "docker" ? ["/.isol8/guest"] : [])];

/** /proc/self/status as an object. */
async function status(of, runtime = "bash") {
  const text = await outputOf(of, { runtime, cmd: "cat /proc/self/status" });
  return Object.fromEntries(text.split("\n").map((line) => line.split(":\t")));
}

test("process 1 is the guest by its name and command line", async () => {
  const cmd =
    "cat /proc/1/comm; tr '\\0' '\\n' </proc/1/cmdline | sed 's|.*/||' | head -1; cat /proc/1/exe";
  const { stdout, stderr } = await engine.execute({ runtime: "bash", cmd });
  assert.equal(stdout, "guest\nguest");
  assert.match(stderr, /\/proc\/1\/exe: Permission denied/, "its program is out of reach");
});

test("user code has no capabilities, cannot gain privileges, and has a seccomp filter", async () => {
  const self = await status(engine);
  for (const set of ["CapInh", "CapPrm", "CapEff", "CapAmb"]) {
    assert.match(self[set], /^0+$/, set);
  }
  // The guest has setuid, setgid and kill. User code cannot execute a file that gains them.
  assert.equal(BigInt(`0x${self.CapBnd}`) & ~0b1110_0000n, 0n, `CapBnd ${self.CapBnd}`);
  assert.equal(self.NoNewPrivs, "1");
  assert.equal(self.Seccomp, "2");
  assert.equal(self.Uid.trim(), "100\t100\t100\t100");
  assert.equal(self.Gid.trim(), "101\t101\t101\t101");
  assert.equal((self.Groups ?? "").trim(), "");
});

test("seccomp can be switched off, and the other layers stay", async () => {
  await withEngine({ security: { seccomp: "unconfined" } }, async (unconfined) => {
    const self = await status(unconfined);
    assert.equal(self.Seccomp, "0");
    assert.equal(self.NoNewPrivs, "1");
    assert.match(self.CapEff, /^0+$/);
  });
});

test("user code cannot change files of root", async () => {
  const cmd = `
for path in / /etc /usr /root /.isol8 /proc/sys/kernel /sys; do
  touch "$path/isol8-probe" 2>/dev/null && echo "wrote $path"
done
find / -xdev -type f -perm /6000 2>/dev/null | while read -r file; do
  "$file" --version >/dev/null 2>&1
done
id -u; grep -c . /etc/shadow 2>/dev/null; ls /root 2>/dev/null; dd if=/dev/mem count=1 2>/dev/null | wc -c`;
  const output = await engine.execute({ runtime: "bash", cmd });
  assert.equal(output.stdout, "100\n0");
});

test("the guest volume and the root are mounted read-only, and /tmp without execution", async () => {
  const mounts = Object.fromEntries(
    (await outputOf(engine, { runtime: "bash", cmd: "cat /proc/mounts" }))
      .split("\n")
      .map((line) => {
        const [, target, type, flags] = line.split(" ");
        return [target, { type, flags: flags.split(",") }];
      }),
  );
  assert.ok(mounts["/"].flags.includes("ro"));
  assert.ok(mounts["/.isol8"].flags.includes("ro"));
  for (const [target, wanted] of [
    ["/sandbox", ["rw", "nosuid", "nodev"]],
    ["/tmp", ["rw", "nosuid", "nodev", "noexec"]],
    ["/dev/shm", ["rw", "nosuid", "nodev", "noexec"]],
  ]) {
    assert.equal(mounts[target].type, "tmpfs", target);
    for (const flag of wanted) assert.ok(mounts[target].flags.includes(flag), `${target} ${flag}`);
    assert.ok(mounts[target].flags.some((flag) => flag.startsWith("size=")));
  }
  const cmd = `cp /bin/true /tmp/t && /tmp/t; echo $?; touch /.isol8/x; rm -f ${OF_GUEST.join(" ")}; echo $?`;
  const result = await engine.execute({ runtime: "bash", cmd });
  assert.equal(result.stdout, "126\n1");
  for (const path of OF_GUEST) {
    assert.ok(result.stderr.includes(`'${path}': Read-only file system`), result.stderr);
  }
});

/** Calls by number on x86-64 and on arm64: each is refused, whatever its arguments. */
const FORBIDDEN = {
  ptrace: [101, 117],
  seccomp: [317, 277],
  mount: [165, 40],
  umount2: [166, 39],
  pivot_root: [155, 41],
  chroot: [161, 51],
  unshare: [272, 97],
  setns: [308, 268],
  bpf: [321, 280],
  perf_event_open: [298, 241],
  userfaultfd: [323, 282],
  io_uring_setup: [425, 425],
  io_uring_enter: [426, 426],
  io_uring_register: [427, 427],
  keyctl: [250, 219],
  add_key: [248, 217],
  request_key: [249, 218],
  process_vm_readv: [310, 270],
  process_vm_writev: [311, 271],
  open_by_handle_at: [304, 265],
  name_to_handle_at: [303, 264],
  kexec_load: [246, 104],
  init_module: [175, 105],
  finit_module: [313, 273],
  delete_module: [176, 106],
  reboot: [169, 142],
  swapon: [167, 224],
  syslog: [103, 116],
  acct: [163, 89],
  quotactl: [179, 60],
  personality: [135, 92],
  fsopen: [430, 430],
  move_mount: [429, 429],
  open_tree: [428, 428],
  kcmp: [312, 272],
  lookup_dcookie: [212, 18],
  clock_settime: [227, 112],
  settimeofday: [164, 170],
  sethostname: [170, 161],
};

test("system calls that are known from sandbox escapes are refused", async () => {
  const code = `
import ctypes, errno, json, os, platform
libc = ctypes.CDLL(None, use_errno=True)
column = {"x86_64": 0, "aarch64": 1}[platform.machine()]
answers = {}
for name, numbers in json.loads('${JSON.stringify(FORBIDDEN)}').items():
    ctypes.set_errno(0)
    # The profile allows a filter with a listener, but the guest's filter does not.
    arguments = {"personality": [0x08000000] * 6, "seccomp": [1, 8, 0, 0, 0, 0]}.get(name, [0] * 6)
    result = libc.syscall(numbers[column], *map(ctypes.c_long, arguments))
    answers[name] = "allowed" if result >= 0 else errno.errorcode[ctypes.get_errno()]
print(json.dumps(answers))`;
  const answers = JSON.parse(await outputOf(engine, { runtime: "python", code }));
  for (const name of Object.keys(FORBIDDEN)) {
    assert.ok(["EPERM", "ENOSYS"].includes(answers[name]), `${name}: ${answers[name]}`);
  }
});

test("new namespaces are refused through every system call", async () => {
  const code = `
import ctypes, errno, os, platform
libc = ctypes.CDLL(None, use_errno=True)
clone = {"x86_64": 56, "aarch64": 220}[platform.machine()]
for flag in (0x10000000, 0x20000000, 0x40000000, 0x00020000, 0x04000000, 0x08000000, 0x02000000):
    child = libc.syscall(clone, ctypes.c_long(flag | 17), 0, 0, 0, 0)
    if child == 0: os._exit(0)
    print(hex(flag), "allowed" if child > 0 else errno.errorcode[ctypes.get_errno()])
ctypes.set_errno(0)
print("clone3", libc.syscall(435, 0, 0), errno.errorcode[ctypes.get_errno()])`;
  const lines = (await outputOf(engine, { runtime: "python", code })).split("\n");
  for (const line of lines.slice(0, -1)) assert.match(line, /EPERM$/);
  // With ENOSYS the C library falls back to clone, whose flags seccomp can check.
  assert.equal(lines.at(-1), "clone3 -1 ENOSYS");
});

test("user code does not see the file locks of the machine", async () => {
  const cmd =
    "exec 9>/tmp/own; flock 9; cat /proc/locks | wc -c; flock -n /tmp/own true || echo held";
  assert.equal(await outputOf(engine, { runtime: "bash", cmd }), "0\nheld");
});

test("user code can neither read nor trace nor kill the guest", async () => {
  const code = `
import ctypes, os, signal
def tried(what, call):
    try: call(); print(what, "worked")
    except OSError as error: print(what, error.errno)
for name in ("environ", "mem", "maps", "fd", "root", "exe", "cwd", "stack", "syscall", "io"):
    path = "/proc/1/" + name
    tried(name, lambda: os.listdir(path) if name == "fd" else
        os.readlink(path) if name in ("root", "exe", "cwd") else open(path, "rb").read(1))
tried("write", lambda: open("/proc/1/mem", "r+b"))
tried("oom", lambda: open("/proc/1/oom_score_adj", "w").write("1000"))
for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGSTOP, signal.SIGUSR1, 0):
    tried("kill", lambda: os.kill(1, number))`;
  const output = await outputOf(engine, { runtime: "python", code });
  for (const line of output.split("\n")) assert.match(line, / (1|13)$/, line);
});

test("without network, loopback is the only interface", async () => {
  const code = `
import socket, subprocess
print(subprocess.check_output(${JSON.stringify(listInterfaces)}, shell=True, text=True).split())
print(len(open("/proc/net/route").readlines()) - 1)
for family in (socket.AF_PACKET, socket.AF_NETLINK):
    try: socket.socket(family, socket.SOCK_RAW)
    except OSError as error: print(error.errno in (1, 93, 97))
try: socket.create_connection(("192.0.2.1", 80), 3)
except OSError as error: print(error.errno)`;
  const output = (await outputOf(engine, { runtime: "python", code })).split("\n");
  assert.equal(output[0], "['lo']");
  assert.equal(output[1], "0");
  assert.equal(output[2], "True");
  assert.equal(output.at(-1), "101");
});

test("a program can connect to itself over loopback", async () => {
  const code = `
import socket, threading
server = socket.create_server(("127.0.0.1", 0))
threading.Thread(target=lambda: server.accept()[0].sendall(b"hi")).start()
print(socket.create_connection(server.getsockname()).recv(9).decode())`;
  assert.equal(await outputOf(engine, { runtime: "python", code }), "hi");
});

test('with network "host" a program sees the interfaces of the host', async () => {
  await withEngine({ network: "host" }, async (host) => {
    const output = await outputOf(host, { runtime: "bash", cmd: listInterfaces });
    for (const name of Object.keys(networkInterfaces())) {
      assert.ok(output.split("\n").includes(name), name);
    }
    assert.match((await status(host)).CapEff, /^0+$/);
  });
});

test("docker inspect shows neither a request nor a secret", onlyDocker, async () => {
  const secret = "secret-of-this-run";
  await withEngine({ secrets: { TOKEN: secret } }, async (running) => {
    const request = {
      runtime: "bash",
      code: "cat /etc/hostname; : marker-of-the-code; sleep 60",
      env: { VARIABLE: "marker-of-the-env" },
      stdin: "marker-of-the-stdin",
      files: { "/sandbox/f": "marker-of-a-file" },
    };
    for await (const { data } of running.executeStream(request)) {
      const id = data.trim();
      const known = JSON.stringify(await inspect(id));
      assert.ok(
        known.includes('"isol8.managed":"true"') && known.includes('"isol8.runtime":"bash"'),
      );
      const top = await docker("top", id, "-eo", "pid,args");
      for (const marker of [secret, "TOKEN", "VARIABLE", "marker-of"]) {
        assert.ok(!known.includes(marker), `inspect has ${marker}`);
        assert.ok(!top.includes(marker), `an argument list has ${marker}`);
      }
      break;
    }
  });
});

test("docker inspect shows the promised containment", onlyDocker, async () => {
  await withEngine({ memoryLimit: "300m", cpuLimit: 0.5, pidsLimit: 30 }, async (running) => {
    for await (const { data } of running.executeStream({
      runtime: "bash",
      code: "cat /etc/hostname; sleep 60",
    })) {
      const { HostConfig: host, Config: config } = await inspect(data.trim());
      assert.equal(host.ReadonlyRootfs, true);
      assert.equal(host.Privileged, false);
      assert.equal(host.NetworkMode, "none");
      assert.equal(host.AutoRemove, true);
      assert.equal(host.IpcMode, "private");
      assert.equal(host.Memory, 300 << 20);
      assert.equal(host.MemorySwap, host.Memory);
      assert.equal(host.NanoCpus, 500_000_000);
      assert.ok(host.PidsLimit >= 30 && host.PidsLimit <= 40);
      assert.deepEqual(host.CapDrop, ["ALL"]);
      const added = host.CapAdd.map((name) => name.replace("CAP_", ""));
      assert.deepEqual(
        added.filter((name) => name !== "SYS_RESOURCE").sort(),
        ["KILL", "SETGID", "SETUID"],
        "SYS_RESOURCE is there where the daemon has it",
      );
      assert.ok(host.SecurityOpt.includes("no-new-privileges"));
      assert.equal(host.LogConfig.Type, "none");
      assert.deepEqual(host.Binds ?? [], []);
      // A daemon on this machine also mounts the socket of the link and the file with host names.
      const here = ["/.isol8-link", "/etc/hosts"];
      const mounts = host.Mounts.filter(({ Target }) => !here.includes(Target));
      assert.deepEqual(
        mounts.map(({ Target }) => Target),
        ["/.isol8"],
      );
      assert.ok(host.Mounts.every(({ ReadOnly }) => ReadOnly));
      assert.deepEqual(host.Devices ?? [], []);
      assert.equal(config.Tty, false);
      break;
    }
  });
});
