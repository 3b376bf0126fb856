// The seccomp profile: it lies within Docker's default, refuses what it must, and lets usual programs of each runtime
// work. Needs a Docker daemon and the runtime images. Needs PyPI once, for numpy and pandas, which are kept in .cache.
//
// usage: node --test docker/tests/seccomp.test.mjs
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, "..", "..");
const profilePath = join(here, "..", "seccomp.json");
const profile = JSON.parse(readFileSync(profilePath, "utf8"));
const allowing = profile.syscalls.filter((rule) => rule.action === "SCMP_ACT_ALLOW");

const PROGRAM_SECONDS = 60;
const INSTALL_SECONDS = 300;
const EPERM = 1;
const ENOSYS = 38;
const SIGSYS = 31;

/** Runs a command in a container with the engine's settings. Returns its standard output. */
function run(image, command, { options = [], seccomp = profilePath } = {}) {
  const container = `--rm --read-only --cap-drop ALL --security-opt no-new-privileges --network none
    --user 100:101 --pids-limit 256 --memory 1g --tmpfs /sandbox:exec,uid=100,gid=101
    --tmpfs /tmp:noexec -e HOME=/sandbox -w /sandbox`.split(/\s+/);
  const programs = `${join(here, "programs")}:/programs:ro`;
  // The time limit is inside the container, because killing the client would leave the container running.
  const bounded = ["timeout", "--signal=KILL", String(PROGRAM_SECONDS), ...command];
  const done = spawnSync(
    "docker",
    [
      "run",
      ...container,
      "--security-opt",
      `seccomp=${seccomp}`,
      "-v",
      programs,
      ...options,
      image,
      ...bounded,
    ],
    { encoding: "utf8" },
  );
  assert.equal(done.status, 0, `${image}: ${command.join(" ")}\n${done.stdout}\n${done.stderr}`);
  return done.stdout;
}

/** Runs one of the programs. It ends its output with "done" when every step worked. */
function works(image, command, options) {
  assert.match(run(image, command, options), /^done\n$/m);
}

test("the profile denies by default, on two architectures and not on their 32-bit variants", () => {
  assert.equal(profile.defaultAction, "SCMP_ACT_ERRNO");
  assert.deepEqual(profile.archMap, [
    { architecture: "SCMP_ARCH_X86_64", subArchitectures: [] },
    { architecture: "SCMP_ARCH_AARCH64", subArchitectures: [] },
  ]);
  for (const rule of profile.syscalls) {
    assert.ok(["SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO"].includes(rule.action), rule.comment);
  }
});

test("the profile allows less than Docker's default, and nothing beyond it", () => {
  const lines = readFileSync(join(here, "docker-default.txt"), "utf8").split("\n");
  const docker = new Map(
    lines.filter((line) => line && !line.startsWith("#")).map((line) => line.split(" ")),
  );
  assert.ok(docker.size > 300);
  const ours = new Set(allowing.flatMap((rule) => rule.names));
  for (const name of ours) assert.ok(docker.has(name), `${name} is not in Docker's default`);
  assert.ok(ours.size < docker.size);

  // Where Docker's profile checks arguments, ours checks them, too, and more strictly.
  for (const rule of allowing) {
    for (const name of rule.names.filter(
      (name) => docker.has(name) && docker.get(name) === "args",
    )) {
      const [first] = rule.args ?? [];
      assert.equal(first?.index, 0, name);
      if (name === "clone") {
        assert.deepEqual(first, {
          index: 0,
          value: 0x7e020000,
          valueTwo: 0,
          op: "SCMP_CMP_MASKED_EQ",
        });
      } else {
        const values = { personality: [0, 0xffffffff], socket: [1, 2, 10, 16] }[name];
        assert.equal(first.op, "SCMP_CMP_EQ", name);
        assert.ok(values.includes(first.value), `${name} ${first.value}`);
      }
    }
  }
});

test("the profile allows no call that leaves a sandbox or inspects others", () => {
  const never =
    `acct add_key bpf chroot clock_settime clone3 delete_module fanotify_init fanotify_mark
    finit_module fsconfig fsmount fsopen fspick get_mempolicy init_module io_uring_enter
    io_uring_register io_uring_setup ioperm iopl kcmp kexec_file_load kexec_load keyctl lookup_dcookie
    mbind memfd_secret migrate_pages modify_ldt mount mount_setattr move_mount move_pages
    name_to_handle_at nfsservctl open_by_handle_at open_tree perf_event_open pidfd_getfd pivot_root
    process_madvise process_vm_readv process_vm_writev ptrace quotactl quotactl_fd reboot request_key
    set_mempolicy setdomainname sethostname setns settimeofday swapoff swapon syslog umount
    umount2 unshare userfaultfd vm86 vmsplice`.split(/\s+/);
  const ours = new Set(allowing.flatMap((rule) => rule.names));
  assert.deepEqual(
    never.filter((name) => ours.has(name)),
    [],
  );
});

test("the profile allows exactly the call with which the guest installs its filter", () => {
  const rules = allowing.filter((rule) => rule.names.includes("seccomp"));
  assert.equal(rules.length, 1);
  const [SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER] = [1, 8];
  assert.deepEqual(rules[0].args, [
    { index: 0, value: SECCOMP_SET_MODE_FILTER, op: "SCMP_CMP_EQ" },
    { index: 1, value: SECCOMP_FILTER_FLAG_NEW_LISTENER, op: "SCMP_CMP_EQ" },
  ]);
});

test("the kernel refuses the forbidden calls", () => {
  const command = ["python3", "/programs/refused.py"];
  const strict = JSON.parse(run("isol8:python", command));
  const probed = /^(clone3|io_|memfd_secret|vmsplice)/;
  for (const [name, result] of Object.entries(strict)) {
    const expected = name.includes("32-bit") ? -SIGSYS : probed.test(name) ? ENOSYS : EPERM;
    assert.equal(result, expected, name);
  }
  // Without a profile these calls end differently, so it is the profile that refuses them. Some kernels refuse a few
  // of them anyway.
  const open = JSON.parse(run("isol8:python", command, { seccomp: "unconfined" }));
  const refused = Object.keys(strict).filter((name) => strict[name] !== open[name]);
  assert.ok(refused.length >= 25, `only the profile refuses: ${refused}`);
});

test("Python works under the profile", () => works("isol8:python", ["python3", "/programs/python.py"]));
test("Node works under the profile", () => works("isol8:node", ["node", "/programs/node.mjs"]));
test("Bun works under the profile", () => works("isol8:bun", ["bun", "run", "/programs/bun.ts"]));
test("Deno works under the profile", () => works("isol8:deno", ["deno", "run", "-A", "/programs/deno.mts"]));
test("Bash works under the profile", () => works("isol8:bash", ["bash", "/programs/bash.sh"]));
test("the agent works under the profile", () => works("isol8:agent", ["bash", "/programs/agent.sh"]));

test("the guest works under the profile", () => {
  const options = [
    "--user",
    "0:0",
    "--cap-add",
    "SETUID",
    "--cap-add",
    "SETGID",
    "--cap-add",
    "KILL",
  ];
  works("isol8:python", ["python3", "/programs/guest.py"], { options });
});

test("numpy and pandas work under the profile", () => {
  const cache = join(root, ".cache");
  const packages = join(cache, "python-packages");
  if (!existsSync(packages)) {
    const unfinished = `${packages}.tmp`;
    rmSync(unfinished, { recursive: true, force: true });
    mkdirSync(unfinished, { recursive: true });
    const pip =
      "pip install -q --no-cache-dir --root-user-action=ignore --target /packages numpy pandas";
    const done = spawnSync(
      "docker",
      [
        "run",
        "--rm",
        "--network",
        "host",
        "-v",
        `${unfinished}:/packages`,
        "isol8:python",
        ...pip.split(" "),
      ],
      { encoding: "utf8", timeout: INSTALL_SECONDS * 1000 },
    );
    assert.equal(done.status, 0, done.stderr);
    renameSync(unfinished, packages);
  }
  const options = ["-v", `${packages}:/packages:ro`, "-e", "PYTHONPATH=/packages"];
  works("isol8:python", ["python3", "/programs/numeric.py"], { options });
});
