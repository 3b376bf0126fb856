// The option `security`: seccomp profiles and OCI runtimes.

import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { withFolder } from "./helpers/folder.mjs";
import { outputOf, sharedEngine, test, withEngine } from "./helpers/harness.mjs";

const engine = sharedEngine();
const BASH = { runtime: "bash", code: "echo x" };
const bash = (code, more) => outputOf(engine, { runtime: "bash", code, ...more });

const MODE_OF_SECCOMP = "sed -n 's/^Seccomp:[[:space:]]*//p' /proc/self/status";

test("the default seccomp profile refuses system calls that it does not list", async () => {
  assert.equal(await bash(MODE_OF_SECCOMP), "2");
  const code = "import ctypes; print(ctypes.CDLL(None, use_errno=True).syscall(425, 1, 0))";
  assert.equal(await outputOf(engine, { runtime: "python", code }), "-1", "io_uring_setup");
});

test('seccomp "unconfined" applies no profile', async () => {
  await withEngine({ security: { seccomp: "unconfined" } }, async (open) => {
    assert.equal(await outputOf(open, { runtime: "bash", code: MODE_OF_SECCOMP }), "0");
  });
});

test('seccomp "custom" applies the profile in the file', async () => {
  await withFolder(async (folder) => {
    const customProfilePath = join(folder, "profile.json");
    const refused = { names: ["symlink", "symlinkat"], action: "SCMP_ACT_ERRNO" };
    await writeFile(
      customProfilePath,
      JSON.stringify({ defaultAction: "SCMP_ACT_ALLOW", syscalls: [refused] }),
    );
    await withEngine({ security: { seccomp: "custom", customProfilePath } }, async (custom) => {
      const code = `${MODE_OF_SECCOMP}; ln f g 2>/dev/null; touch f; ln -s f g 2>/dev/null && echo linked || echo refused`;
      assert.equal(await outputOf(custom, { runtime: "bash", code }), "2\nrefused");
    });
  });
});

for (const [what, content] of [
  ["no JSON", "{ not json"],
  ["empty", ""],
  ["a list", "[]"],
  ["null", "null"],
  ["an empty object", "{}"],
  ["a folder", null],
]) {
  test(`a custom profile that is ${what} is an error that names the file`, async () => {
    await withFolder(async (folder) => {
      const customProfilePath = join(folder, "profile.json");
      if (content === null) await mkdir(customProfilePath);
      else await writeFile(customProfilePath, content);
      await withEngine({ security: { seccomp: "custom", customProfilePath } }, async (broken) => {
        await assert.rejects(broken.execute(BASH), {
          code: "ISOL8_SECCOMP_PROFILE",
          message: new RegExp(`^Failed to load custom seccomp profile at ${customProfilePath}: .+`),
        });
      });
    });
  });
}

test("security.runtime: Docker's default works, and an unknown one is a clear error", async () => {
  await withEngine({ security: { runtime: "runc" } }, async (usual) => {
    assert.equal(await outputOf(usual, BASH), "x");
  });
  await withEngine({ security: { runtime: "isol8-test-none" } }, async (unknown) => {
    await assert.rejects(unknown.execute(BASH), {
      code: "ISOL8_OCI_RUNTIME",
      message: /isol8-test-none.*security\.runtime/,
    });
  });
});

test("a seccomp profile that ends every sandbox in silence is named in the error", async () => {
  await withFolder(async (folder) => {
    const customProfilePath = join(folder, "profile.json");
    // What the guest needs first, and what starts it does not.
    const names = ["signalfd4", "epoll_create1", "poll", "ppoll", "prctl", "socket"];
    const syscalls = [{ names, action: "SCMP_ACT_KILL_PROCESS" }];
    const profile = { defaultAction: "SCMP_ACT_ALLOW", syscalls };
    await writeFile(customProfilePath, JSON.stringify(profile));
    await withEngine({ security: { seccomp: "custom", customProfilePath } }, async (silent) => {
      await assert.rejects(silent.execute({ runtime: "bash", code: "echo x" }), {
        code: "ISOL8_SECCOMP_PROFILE",
        message:
          /under the seccomp profile of the option security\.customProfilePath, which denies too much: .+ Allow at least what Docker's default profile allows\.$/,
      });
    });
  });
});
