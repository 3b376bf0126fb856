// Invalid values of options, and unusual values that are accepted: what the constructor does with each.

import assert from "node:assert/strict";
import { DockerIsol8 } from "../index.js";
import { sharedEngine, test, withEngine } from "./helpers/harness.mjs";

const engine = sharedEngine();
const BASH = { runtime: "bash", code: "echo x" };

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

  test(`${name}: a value that is no number is refused by name`, () => {
    for (const value of ["1", true, {}, []]) {
      assert.throws(() => new DockerIsol8(options(value)), {
        message: new RegExp(name.replace(".", "\\.")),
      });
    }
  });

  test(`${name}: an option that is left out, undefined or null has its default`, () => {
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
  [{ installRegistries: { python: ["pypi.test"] } }, "installRegistries.python: address 1"],
  [{ memoryLimit: "0m" }, "memoryLimit: 0m"],
  [{ memoryLimit: "4m" }, "memoryLimit: 4m"],
  [{ cpuLimit: 0.001 }, "cpuLimit: 0.001"],
  [{ pidsLimit: 1e9 }, "pidsLimit: 1000000000"],
  [{ sandboxSize: "0" }, "sandboxSize: 0"],
  [{ idleMs: 0 }, "idleMs: 0"],
  [{ tmpSize: "0g" }, "tmpSize: 0g"],
  [{ volumeSize: "0" }, "volumeSize: 0"],
]) {
  test(`refused by name: ${named}`, () => {
    const pattern = named.replace(/[.*]/g, "\\$&");
    assert.throws(() => new DockerIsol8(options), {
      code: "ISOL8_INVALID_OPTION",
      message: new RegExp(`^Invalid ${pattern}\\. It must be `),
    });
  });
}

for (const name of ["memoryLimit", "sandboxSize", "tmpSize", "volumeSize"]) {
  test(`${name}: a value that is no size is refused with the documented message`, () => {
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
  test(`${name}: an unknown word is refused, and the error lists the known words`, () => {
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

test("no options are the defaults", () => {
  new DockerIsol8(undefined);
  new DockerIsol8(null);
});

test("more processors than there are is refused by the daemon, and the error names the option and the bounds", async () => {
  await withEngine({ cpuLimit: 4096 }, async (refused) => {
    await assert.rejects(refused.execute(BASH), {
      code: "ISOL8_INVALID_OPTION",
      message:
        /^Invalid cpuLimit: 4096\. It must be from 0\.01 to \d+, the processors that Docker has\.$/,
    });
  });
});

test("the smallest limits that are accepted are enough for a sandbox", async () => {
  await withEngine({ memoryLimit: "6m", cpuLimit: 0.01, pidsLimit: 1 }, async (small) => {
    const { exitCode, stdout } = await small.execute({
      runtime: "bash",
      code: "echo x",
      timeoutMs: 120_000,
    });
    assert.deepEqual([exitCode, stdout], [0, "x"]);
  });
});

test("timeoutMs of a request obeys the same rules", async () => {
  for (const timeoutMs of [0, -5, Number.NaN, Number.POSITIVE_INFINITY]) {
    await assert.rejects(engine.execute({ ...BASH, timeoutMs }), {
      message: new RegExp(`^Invalid timeoutMs: ${timeoutMs}\\. It must be `),
    });
  }
});
