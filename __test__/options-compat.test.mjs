// Each option through the public package: its default, what it does, and how it refuses a value that
// makes no sense. What has a test file of its own (limits, network, sessions, streams) is not here.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DockerIsol8, loadConfig } from "../index.js";
import { hostProcess } from "./helpers/child.mjs";
import { docker, inspect } from "./helpers/docker.mjs";
import { eventsOf, outputOf, sharedEngine, test, until, withEngine } from "./helpers/harness.mjs";

const engine = sharedEngine();
const BASH = { runtime: "bash", code: "echo x" };
const bash = (code, more) => outputOf(engine, { runtime: "bash", code, ...more });

/** A folder of its own for the time that `use` takes. */
async function withFolder(use) {
  const folder = await mkdtemp(join(tmpdir(), "isol8-options-"));
  try {
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

// --- Values that are refused when the engine is made --------------------------------------------

/** Numbers above 0. `null` and `undefined` count as left out. */
const LIMITS = {
  cpuLimit: (value) => ({ cpuLimit: value }),
  pidsLimit: (value) => ({ pidsLimit: value }),
  maxOutputSize: (value) => ({ maxOutputSize: value }),
  timeoutMs: (value) => ({ timeoutMs: value }),
  "audit.retentionDays": (value) => ({ audit: { retentionDays: value } }),
  "remoteCode.maxCodeSize": (value) => ({ remoteCode: { maxCodeSize: value } }),
  "remoteCode.fetchTimeoutMs": (value) => ({ remoteCode: { fetchTimeoutMs: value } }),
};

for (const [name, options] of Object.entries(LIMITS)) {
  test(`${name}: 0, negative numbers, NaN and infinity are refused by name`, () => {
    for (const value of [0, -1, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      assert.throws(() => new DockerIsol8(options(value)), {
        code: "ISOL8_INVALID_OPTION",
        message: new RegExp(`^Invalid ${name.replace(".", "\\.")}: ${value}\\. It must be `),
      });
    }
  });

  test(`${name}: what is no number is refused by name`, () => {
    for (const value of ["1", true, {}, []]) {
      assert.throws(() => new DockerIsol8(options(value)), {
        message: new RegExp(name.replace(".", "\\.")),
      });
    }
  });

  test(`${name}: left out, undefined or null it has its default`, () => {
    for (const value of [undefined, null]) new DockerIsol8(options(value));
  });
}

for (const [options, named] of [
  [{ pidsLimit: 1.5 }, "pidsLimit: 1.5"],
  [{ maxOutputSize: 0.5 }, "maxOutputSize: 0.5"],
  [{ poolSize: -1 }, "poolSize: -1"],
  [{ poolSize: Number.NaN }, "poolSize: NaN"],
  [{ poolSize: 1.5 }, "poolSize: 1.5"],
  [{ poolSize: 1e6 }, "poolSize: 1000000"],
  [{ poolSize: { clean: -1 } }, "poolSize.clean: -1"],
  [{ poolSize: { clean: 1, dirty: Number.NaN } }, "poolSize.dirty: NaN"],
  [{ remoteCode: { cacheTtl: -1 } }, "remoteCode.cacheTtl: -1"],
  [{ memoryLimit: "0m" }, "memoryLimit: 0m"],
  [{ sandboxSize: "0" }, "sandboxSize: 0"],
  [{ tmpSize: "0g" }, "tmpSize: 0g"],
]) {
  test(`refused by name: ${named}`, () => {
    const pattern = named.replace(/[.*]/g, "\\$&");
    assert.throws(() => new DockerIsol8(options), {
      code: "ISOL8_INVALID_OPTION",
      message: new RegExp(`^Invalid ${pattern}\\. It must be `),
    });
  });
}

for (const name of ["memoryLimit", "sandboxSize", "tmpSize"]) {
  test(`${name}: what is no size is refused in the words of the contract`, () => {
    for (const value of ["", "x", "512 apples", "-1m", "1.5.2g", "m", "512mm", "0x10m", "1e3"]) {
      assert.throws(() => new DockerIsol8({ [name]: value }), {
        code: "ISOL8_INVALID_OPTION",
        message: `Invalid memory limit format: "${value}". Use e.g. "512m", "1g".`,
      });
    }
    assert.throws(() => new DockerIsol8({ [name]: 512 }), { message: new RegExp(name) });
  });
}

for (const [name, options, expected] of [
  ["mode", { mode: "x" }, "ephemeral, persistent"],
  ["network", { network: "NONE" }, "none, host, filtered"],
  ["poolStrategy", { poolStrategy: "" }, "fast, secure"],
  ["security.seccomp", { security: { seccomp: "off" } }, "strict, unconfined, custom"],
]) {
  test(`${name}: an unknown word is refused by name, with the known ones`, () => {
    const value = Object.values(options).map((it) => it.seccomp ?? it)[0];
    assert.throws(() => new DockerIsol8(options), {
      code: "ISOL8_INVALID_OPTION",
      message: `Invalid ${name}: "${value}". Expected one of: ${expected}.`,
    });
  });
}

for (const [name, options] of [
  ["secrets", { secrets: { A: 1 } }],
  ["readonlyRootFs", { readonlyRootFs: "yes" }],
  ["image", { image: 7 }],
  ["networkFilter.whitelist", { networkFilter: { whitelist: "a" } }],
  ["audit.enabled", { audit: { enabled: "yes" } }],
]) {
  test(`${name}: a value of another type is refused by name`, () => {
    assert.throws(() => new DockerIsol8(options), {
      message: new RegExp(name.replace(".", "\\.")),
    });
  });
}

test("options that nobody knows are tolerated, as they always were", () => {
  new DockerIsol8({ futureOption: { a: 1 } });
  new DockerIsol8(undefined);
  new DockerIsol8(null);
});

test("timeoutMs of a request obeys the same rules", async () => {
  for (const timeoutMs of [0, -5, Number.NaN, Number.POSITIVE_INFINITY]) {
    await assert.rejects(engine.execute({ ...BASH, timeoutMs }), {
      message: new RegExp(`^Invalid timeoutMs: ${timeoutMs}\\. It must be `),
    });
  }
});

// --- Defaults, as the container shows them -------------------------------------------------------

test("the defaults are those of the contract", async () => {
  await withEngine({ persist: true, poolSize: 0 }, async (plain) => {
    const { containerId } = await plain.execute(BASH);
    try {
      const { HostConfig: host, Config: config } = await inspect(containerId);
      assert.equal(host.Memory, 512 * 2 ** 20);
      assert.equal(host.MemorySwap, host.Memory, "no swap");
      assert.equal(host.NanoCpus || (host.CpuQuota / host.CpuPeriod) * 1e9, 1e9);
      assert.ok(host.PidsLimit >= 64 && host.PidsLimit < 80, String(host.PidsLimit));
      assert.equal(host.NetworkMode, "none");
      assert.equal(host.ReadonlyRootfs, true);
      assert.match(host.Tmpfs["/sandbox"], /size=(512m|536870912)/);
      assert.match(host.Tmpfs["/tmp"], /size=(256m|268435456)/);
      assert.equal(
        config.Image.startsWith("isol8:bash") || config.Image.startsWith("sha256:"),
        true,
      );
      assert.equal(config.Labels["isol8.managed"], "true");
      assert.equal(config.Labels["isol8.runtime"], "bash");
    } finally {
      await docker("rm", "-f", containerId);
    }
  });
});

test("the sizes given are those of the container", async () => {
  const sizes = { memoryLimit: "1.5g", sandboxSize: "64M", tmpSize: "1024k", pidsLimit: 100 };
  const options = { ...sizes, cpuLimit: 0.5, persist: true, poolSize: 0 };
  await withEngine(options, async (sized) => {
    const { containerId } = await sized.execute(BASH);
    try {
      const { HostConfig: host } = await inspect(containerId);
      assert.equal(host.Memory, 1.5 * 2 ** 30);
      assert.equal(host.NanoCpus || (host.CpuQuota / host.CpuPeriod) * 1e9, 0.5e9);
      assert.ok(host.PidsLimit >= 100 && host.PidsLimit < 116);
      assert.match(host.Tmpfs["/sandbox"], new RegExp(`size=(64m|${64 << 20})`));
      assert.match(host.Tmpfs["/tmp"], new RegExp(`size=(1024k|1m|${1 << 20})`));
    } finally {
      await docker("rm", "-f", containerId);
    }
  });
});

// --- persist -------------------------------------------------------------------------------------

for (const mode of ["ephemeral", "persistent"]) {
  test(`persist keeps the container of an engine in ${mode} mode`, async () => {
    let containerId;
    try {
      await withEngine({ mode, persist: true, poolSize: 0 }, async (kept) => {
        ({ containerId } = await kept.execute({ runtime: "bash", code: "echo x >/sandbox/left" }));
      });
      assert.ok(await inspect(containerId), "the container is kept");
      assert.equal((await inspect(containerId)).HostConfig.AutoRemove, false);
    } finally {
      if (containerId) await docker("rm", "-f", containerId);
    }
    assert.equal(await inspect(containerId), null);
  });
}

test("without persist nothing is kept", async () => {
  let containerId;
  await withEngine({}, async (plain) => {
    ({ containerId } = await plain.execute(BASH));
  });
  await until(async () => (await inspect(containerId)) === null, 10_000, "the container is gone");
});

// --- security ------------------------------------------------------------------------------------

const MODE_OF_SECCOMP = "sed -n 's/^Seccomp:[[:space:]]*//p' /proc/self/status";

test("seccomp is strict by default: a filter is on, and refuses what is not listed", async () => {
  assert.equal(await bash(MODE_OF_SECCOMP), "2");
  const code = "import ctypes; print(ctypes.CDLL(None, use_errno=True).syscall(425, 1, 0))";
  assert.equal(await outputOf(engine, { runtime: "python", code }), "-1", "io_uring_setup");
});

test("seccomp unconfined has no filter", async () => {
  await withEngine({ security: { seccomp: "unconfined" } }, async (open) => {
    assert.equal(await outputOf(open, { runtime: "bash", code: MODE_OF_SECCOMP }), "0");
  });
});

test("seccomp custom is the profile in the file", async () => {
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

test("security.runtime is Docker's to know: the usual one works, another is a clear error", async () => {
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

// --- setupScript ---------------------------------------------------------------------------------

const SETUP = `# Several lines, with quotes and all.
set -e
greeting="it's \\"$NAME\\" with $TOKEN"
for n in 1 2; do
  echo "$n: $greeting" >>/sandbox/greetings
done
echo to-stdout
echo to-stderr >&2`;

test("a setup script of several lines sees the environment and the secrets", async () => {
  await withEngine({ secrets: { TOKEN: "hunter2" } }, async (secretive) => {
    for (const [runtime, code] of [
      ["bash", "cat greetings"],
      ["python", "print(open('greetings').read())"],
    ]) {
      const request = { runtime, code, setupScript: SETUP, env: { NAME: "Ann O'Neil" } };
      const result = await secretive.execute(request);
      assert.deepEqual(
        [result.exitCode, result.stdout],
        [0, `1: it's "Ann O'Neil" with ***\n2: it's "Ann O'Neil" with ***`],
        result.stderr,
      );
    }
  });
});

test("a streamed setup script has its phase, its exit, and then comes the program", async () => {
  const request = { ...BASH, setupScript: SETUP, env: { NAME: "n", TOKEN: "t" } };
  const events = await eventsOf(engine, request);
  const shown = events.map(({ type, data, phase }) => `${phase} ${type} ${data.trim()}`);
  assert.deepEqual(shown.slice(0, 2).sort(), ["setup stderr to-stderr", "setup stdout to-stdout"]);
  assert.deepEqual(shown.slice(2), ["setup exit 0", "code stdout x", "code exit 0"]);
});

test("a setup script that fails is an error with its code and its words", async () => {
  const request = { ...BASH, setupScript: "echo first\necho why >&2\nexit 9\necho never" };
  await assert.rejects(engine.execute(request), {
    code: "ISOL8_SETUP",
    message: "Setup script failed (exit code 9): why",
  });
});

// --- installPackages, from the public registries -------------------------------------------------

const PACKAGES = {
  python: ["six", "import six; print(six.moves.range(3)[-1])", "2"],
  node: ["lodash", "import _ from 'lodash'; console.log(_.last([1, 2]))", "2"],
  bun: ["is-number", "import isNumber from 'is-number'; console.log(isNumber('2'))", "true"],
  deno: ["npm:is-odd", "import isOdd from 'npm:is-odd'; console.log(isOdd(3))", "true"],
  bash: ["jq", "echo '{\"a\": [1, 2]}' | jq -c .a", "[1,2]"],
};

for (const [runtime, [name, code, expected]] of Object.entries(PACKAGES)) {
  test(`${runtime}: an installed package works, and the program has no network`, async () => {
    // The plain image: none that has the package already is to be found for it.
    const options = { image: `isol8:${runtime}`, timeoutMs: 60_000 };
    await withEngine(options, async (installing) => {
      const request = { runtime, code, installPackages: [name] };
      assert.equal(await outputOf(installing, request), expected);
      const without = await installing.execute({ runtime, code });
      assert.notEqual(without.exitCode, 0, "the next sandbox does not have it");
    });
  });
}

test("a package that does not exist is an error with the installer's words", async () => {
  const installPackages = ["isol8-no-such-package-for-tests"];
  await withEngine({ image: "isol8:python" }, async (installing) => {
    await assert.rejects(installing.execute({ runtime: "python", code: "1", installPackages }), {
      code: "ISOL8_INSTALL",
      message: /^Package install failed \(exit code \d+\): .*isol8-no-such-package-for-tests/s,
    });
  });
});

// --- codeUrl -------------------------------------------------------------------------------------

/** Serves a program on loopback. `use` gets its address and the paths asked for. */
async function withServer(program, use) {
  const asked = [];
  const server = createServer((request, response) => {
    asked.push(request.url);
    response.end(program);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    return await use(`127.0.0.1:${server.address().port}`, asked);
  } finally {
    server.closeAllConnections?.();
    server.close();
  }
}

test("codeUrl is off by default, and nothing is asked", async () => {
  await withServer("echo x", async (address, asked) => {
    const request = { runtime: "bash", codeUrl: `http://${address}/`, allowInsecureCodeUrl: true };
    await assert.rejects(engine.execute(request), {
      code: "ISOL8_REMOTE_CODE",
      message: "Remote code fetching is disabled. Set remoteCode.enabled=true to allow it.",
    });
    assert.deepEqual(asked, []);
  });
});

test("codeUrl: addresses of this machine are blocked by default, however they are written", async () => {
  await withServer("echo x", async (address, asked) => {
    const [, port] = address.split(":");
    await withEngine({ remoteCode: { enabled: true } }, async (remote) => {
      for (const host of [
        "127.0.0.1",
        "localhost",
        "LOCALHOST.",
        "127.1",
        "2130706433",
        "0x7f.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "0.0.0.0",
        "169.254.169.254",
      ]) {
        const request = { runtime: "bash", allowInsecureCodeUrl: true };
        await assert.rejects(remote.execute({ ...request, codeUrl: `http://${host}:${port}/` }), {
          code: "ISOL8_REMOTE_CODE",
          message: /^Blocked code URL host: /,
        });
      }
      await assert.rejects(remote.execute({ runtime: "bash", codeUrl: `http://${address}/` }), {
        message: "Insecure code URL blocked. Use allowInsecureCodeUrl=true to allow HTTP.",
      });
      await assert.rejects(remote.execute({ runtime: "bash", codeUrl: "file:///etc/passwd" }), {
        message: "URL scheme not allowed: file",
      });
    });
    assert.deepEqual(asked, []);
  });
});

test("codeUrl: what the policy allows is fetched, checked, run and kept", async () => {
  const program = "echo from afar";
  await withServer(program, async (address, asked) => {
    const remoteCode = { enabled: true, blockedHosts: [], requireHash: true };
    await withEngine({ remoteCode }, async (remote) => {
      const request = {
        runtime: "bash",
        codeUrl: `http://${address}/program`,
        allowInsecureCodeUrl: true,
        codeHash: createHash("sha256").update(program).digest("hex"),
      };
      assert.equal(await outputOf(remote, request), "from afar");
      assert.equal(await outputOf(remote, request), "from afar");
      assert.deepEqual(asked, ["/program"]);
      await assert.rejects(remote.execute({ ...request, codeHash: "0".repeat(64) }), {
        message: "Remote code hash mismatch",
      });
      await assert.rejects(remote.execute({ ...request, codeHash: undefined }), {
        message: "Hash verification required: provide codeHash for remote code execution.",
      });
    });
    const small = { enabled: true, blockedHosts: [], maxCodeSize: 5, enableCache: false };
    await withEngine({ remoteCode: small }, async (remote) => {
      const codeUrl = `http://${address}/large`;
      await assert.rejects(
        remote.execute({ runtime: "bash", codeUrl, allowInsecureCodeUrl: true }),
        {
          message: "Remote code exceeds maxCodeSize (5 bytes)",
        },
      );
    });
  });
});

// --- audit ---------------------------------------------------------------------------------------

const readLog = async (folder) =>
  (await readFile(join(folder, "executions.log"), "utf8")).trimEnd().split("\n").map(JSON.parse);

test("audit: each execution is a line with the fields of the contract, and no more", async () => {
  await withFolder(async (folder) => {
    const options = { audit: { enabled: true, logDir: join(folder, "new/log") } };
    const code = "echo out; echo err >&2; exit 3";
    const metadata = { userId: "u-1", order: "7" };
    let results;
    await withEngine(options, async (audited) => {
      results = await Promise.all([
        audited.execute({ runtime: "bash", code, metadata }),
        audited.execute(BASH),
      ]);
      await eventsOf(audited, BASH);
    });
    const lines = await readLog(join(folder, "new/log"));
    assert.equal(lines.length, 3);
    const line = lines.find(({ executionId }) => executionId === results[0].executionId);
    const { resourceUsage, ...rest } = line;
    assert.deepEqual(rest, {
      executionId: results[0].executionId,
      userId: "u-1",
      timestamp: results[0].timestamp,
      runtime: "bash",
      codeHash: createHash("sha256").update(code).digest("hex"),
      containerId: results[0].containerId,
      exitCode: 3,
      durationMs: results[0].durationMs,
      metadata,
    });
    assert.deepEqual(resourceUsage, results[0].resourceUsage);
    assert.equal(
      lines.find(({ executionId }) => executionId === results[1].executionId).userId,
      "",
    );
  });
});

test("audit: code and output are recorded when asked for, without the secrets", async () => {
  await withFolder(async (folder) => {
    const audit = { enabled: true, logDir: folder, includeCode: true, includeOutput: true };
    const options = { audit: { ...audit, trackResources: false }, secrets: { TOKEN: "hunter2" } };
    await withEngine(options, async (audited) => {
      const code = "echo $TOKEN; echo hunter2 >&2";
      const result = await audited.execute({ runtime: "bash", code });
      assert.equal(result.resourceUsage, undefined);
    });
    const [line] = await readLog(folder);
    assert.deepEqual(
      [line.code, line.stdout.trim(), line.stderr.trim(), line.resourceUsage],
      ["echo $TOKEN; echo *** >&2", "***", "***", undefined],
    );
  });
});

test("audit: ISOL8_AUDIT_DIR is the folder when none is given, and stdout a destination", async () => {
  await withFolder(async (folder) => {
    const program = (audit) => `const engine = new DockerIsol8({ audit: ${JSON.stringify(audit)} });
await engine.execute({ runtime: "bash", code: "echo x" });
await engine.stop();`;
    const env = { ISOL8_AUDIT_DIR: folder };
    const toFile = await hostProcess(program({ enabled: true }), env).ended;
    assert.deepEqual([toFile.code, toFile.stdout], [0, ""], toFile.stderr);
    assert.equal((await readLog(folder)).length, 1);
    const audit = { enabled: true, destination: "stdout" };
    const toStdout = await hostProcess(program(audit), env).ended;
    assert.match(toStdout.stdout, /^AUDIT_LOG: ?\{.*\}\n$/);
    assert.equal(JSON.parse(toStdout.stdout.replace("AUDIT_LOG:", "")).runtime, "bash");
    assert.equal((await readLog(folder)).length, 1);
  });
});

test("audit: the post-log script gets the log's path", async () => {
  await withFolder(async (folder) => {
    const script = join(folder, "after.sh");
    await writeFile(script, `#!/bin/sh\necho "$@" >>${folder}/told\n`, { mode: 0o755 });
    const audit = { enabled: true, logDir: join(folder, "log"), postLogScript: script };
    await withEngine({ audit }, (audited) => audited.execute(BASH));
    const told = () => readFile(join(folder, "told"), "utf8").catch(() => "");
    await until(told, 10_000, "the script has run");
    assert.equal(await told(), `${join(folder, "log", "executions.log")}\n`);
  });
});

test("audit is off by default", async () => {
  await withFolder(async (folder) => {
    const program = `const engine = new DockerIsol8();
await engine.execute({ runtime: "bash", code: "echo x" });
await engine.stop();`;
    assert.equal((await hostProcess(program, { ISOL8_AUDIT_DIR: folder }).ended).code, 0);
    assert.deepEqual(await readdir(folder), []);
  });
});

// --- AbortSignal, logger, debug ------------------------------------------------------------------

test("an aborted signal rejects with its reason: before, meanwhile, and by default", async () => {
  const reason = new Error("no longer wanted");
  await assert.rejects(engine.execute(BASH, { signal: AbortSignal.abort(reason) }), reason);
  const endless = { runtime: "bash", code: "sleep 60" };
  const controller = new AbortController();
  const running = engine.execute(endless, { signal: controller.signal });
  setTimeout(() => controller.abort(), 300);
  await assert.rejects(running, { name: "AbortError" });
  await assert.rejects(engine.execute(endless, { signal: AbortSignal.timeout(200) }), {
    name: "TimeoutError",
  });
  assert.equal(await bash("echo still here"), "still here");
});

test("a signal that is never aborted changes nothing", async () => {
  const { signal } = new AbortController();
  assert.equal((await engine.execute(BASH, { signal })).stdout, "x");
});

test("nothing is printed by default; debug explains on standard error, without secrets", async () => {
  const program = (options) => `const engine = new DockerIsol8(${JSON.stringify(options)});
await engine.execute({ runtime: "bash", code: "echo $TOKEN" });
await engine.stop();`;
  const quiet = await hostProcess(program({ secrets: { TOKEN: "hunter2" } })).ended;
  assert.deepEqual(quiet, { code: 0, signal: null, stdout: "", stderr: "" });
  const options = { secrets: { TOKEN: "hunter2" }, debug: true };
  const { code, stdout, stderr } = await hostProcess(program(options)).ended;
  assert.deepEqual([code, stdout], [0, ""]);
  assert.match(stderr, /DEBUG/);
  assert.ok(!stderr.includes("hunter2"), stderr);
});

// --- loadConfig ----------------------------------------------------------------------------------

/** What `load` gives, and the warnings logged meanwhile. */
function warned(load) {
  const warnings = [];
  const { warn } = console;
  console.warn = (...words) => warnings.push(words.join(" "));
  try {
    return { config: load(), warnings };
  } finally {
    console.warn = warn;
  }
}

test("loadConfig: the file is merged over the defaults by section, lists are replaced", async () => {
  await withFolder(async (folder) => {
    const file = {
      defaults: { timeoutMs: 5 },
      network: { whitelist: ["a"] },
      remoteCode: { blockedHosts: ["b"] },
      poolSize: { clean: 3 },
      dependencies: { python: ["six"] },
    };
    await writeFile(join(folder, "isol8.config.json"), JSON.stringify(file));
    const { config, warnings } = warned(() => loadConfig(folder));
    assert.deepEqual(warnings, []);
    assert.deepEqual(config.defaults, {
      timeoutMs: 5,
      memoryLimit: "512m",
      cpuLimit: 1,
      network: "none",
      sandboxSize: "512m",
      tmpSize: "256m",
      readonlyRootFs: true,
    });
    assert.deepEqual(config.network, { whitelist: ["a"], blacklist: [] });
    assert.deepEqual(config.remoteCode.blockedHosts, ["b"]);
    assert.deepEqual(config.remoteCode.allowedSchemes, ["https"]);
    assert.deepEqual(config.poolSize, { clean: 3, dirty: 1 });
    assert.deepEqual(config.cleanup, { autoPrune: true, maxContainerAgeMs: 3_600_000 });
    assert.deepEqual(config.dependencies, { python: ["six"] });
  });
});

test("loadConfig: an unknown key and a wrong type are warnings that name them", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "isol8.config.json");
    const file = { maxConcurent: 3, defaults: { timeoutMs: "soon", cpuLimit: 2, x: 1 } };
    await writeFile(path, JSON.stringify(file));
    const { config, warnings } = warned(() => loadConfig(folder));
    assert.deepEqual(
      [config.maxConcurrent, config.defaults.timeoutMs, config.defaults.cpuLimit],
      [10, 30_000, 2],
    );
    assert.equal(warnings.length, 3, warnings.join("\n"));
    for (const named of ['"maxConcurent"', '"defaults.timeoutMs"', '"defaults.x"']) {
      assert.ok(
        warnings.some((text) => text.startsWith(`[WARN] ${path}: `) && text.includes(named)),
        `${named} in ${warnings.join("\n")}`,
      );
    }
  });
});

test("loadConfig: a file that is no JSON object is an error that names it", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "isol8.config.json");
    for (const text of ["{", "[]", "", "3"]) {
      await writeFile(path, text);
      assert.throws(() => loadConfig(folder), { message: new RegExp(`^Invalid config ${path}: `) });
    }
  });
});

test("loadConfig: without a file in the folder the one in the home counts, else the defaults", async () => {
  await withFolder(async (folder) => {
    const program = `const { loadConfig } = await import(${JSON.stringify(new URL("../index.js", import.meta.url))});
console.log(JSON.stringify(loadConfig(${JSON.stringify(folder)}).maxConcurrent));`;
    const home = join(folder, "home");
    await mkdir(join(home, ".isol8"), { recursive: true });
    assert.equal((await hostProcess(program, { HOME: home }).ended).stdout, "10\n");
    await writeFile(join(home, ".isol8/config.json"), '{"maxConcurrent": 4}');
    assert.equal((await hostProcess(program, { HOME: home }).ended).stdout, "4\n");
    await writeFile(join(folder, "isol8.config.json"), '{"debug": true}');
    assert.equal((await hostProcess(program, { HOME: home }).ended).stdout, "10\n");
  });
});
