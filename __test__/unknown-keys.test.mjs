// Misspelt keys: the package warns about them, and the program goes on.

import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DockerIsol8, loadConfig, RemoteIsol8 } from "../index.js";
import { withFolder } from "./helpers/folder.mjs";
import { sharedEngine, test } from "./helpers/harness.mjs";

const engine = sharedEngine();
const BASH = { runtime: "bash", code: "echo x" };

/** Returns the warnings that `use` causes. */
async function warningsOf(use) {
  const warnings = [];
  const warn = console.warn;
  console.warn = (...words) => warnings.push(words.join(" "));
  try {
    await use();
  } finally {
    console.warn = warn;
  }
  return warnings;
}

const remote = (options) => new RemoteIsol8({ host: "http://127.0.0.1:9", apiKey: "k" }, options);

for (const [name, make] of [
  ["DockerIsol8", (options) => new DockerIsol8(options)],
  ["RemoteIsol8", remote],
]) {
  for (const [options, message] of [
    [{ memoryLimt: "64m" }, 'Unknown option "memoryLimt" is ignored. Did you mean "memoryLimit"?'],
    [{ timeout: 5 }, 'Unknown option "timeout" is ignored. Did you mean "timeoutMs"?'],
    [{ TIMEOUTMS: 5 }, 'Unknown option "TIMEOUTMS" is ignored. Did you mean "timeoutMs"?'],
    [
      { whitelist: [] },
      'Unknown option "whitelist" is ignored. Did you mean "networkFilter.whitelist"?',
    ],
    [
      { security: { secomp: "strict" } },
      'Unknown option "security.secomp" is ignored. Did you mean "security.seccomp"?',
    ],
    [
      { audit: { enable: true } },
      'Unknown option "audit.enable" is ignored. Did you mean "audit.enabled"?',
    ],
    [
      { poolSize: { clen: 1 } },
      'Unknown option "poolSize.clen" is ignored. Did you mean "poolSize.clean"?',
    ],
    [{ zzzzzz: 1 }, 'Unknown option "zzzzzz" is ignored.'],
    [{ "a\u001b[31m": 1 }, 'Unknown option "a\\u001b[31m" is ignored.'],
    [
      { maxConcurrent: 2 },
      'Unknown option "maxConcurrent" is ignored. DockerIsol8 takes it as its second argument.',
    ],
    [
      { networkFilter: { whitelist: ["a"] } },
      'The option "networkFilter" has no effect without network: "filtered".',
    ],
  ]) {
    test(`${name} warns once: ${message}`, async () => {
      assert.deepEqual(await warningsOf(() => make(options)), [`[WARN] ${message}`]);
    });
  }

  test(`${name} warns about nothing that it knows`, async () => {
    const known = {
      mode: "ephemeral",
      network: "filtered",
      networkFilter: { whitelist: [], hosts: { a: "10.0.0.1" } },
      secrets: { anything: "1" },
      security: { seccomp: "strict" },
      audit: { enabled: false },
      poolSize: 1,
      remoteCode: { enabled: false },
      docker: { socketPath: "/run/docker.sock" },
      misspelt: undefined,
    };
    assert.deepEqual(await warningsOf(() => make(known)), []);
  });

  test(`${name}: an unknown key of a request is reported once for each engine, and start's as well`, async () => {
    const warnings = await warningsOf(async () => {
      const made = make({});
      const wrong = { ...BASH, runtime: "none", timeout: 5, env: { anything: "1" } };
      await made.execute(wrong).catch(() => {});
      await made.execute(wrong).catch(() => {});
      await made.start({ prewam: false }).catch(() => {});
      await made.start({ prewarm: { runtime: [], runtimes: ["none"] } }).catch(() => {});
      await made.stop();
    });
    const expected =
      name === "RemoteIsol8"
        ? ['[WARN] Unknown key "timeout" of a request is ignored. Did you mean "timeoutMs"?']
        : [];
    assert.deepEqual(warnings, [
      ...expected,
      '[WARN] Unknown option "prewam" of start() is ignored. Did you mean "prewarm"?',
      '[WARN] Unknown option "prewarm.runtime" of start() is ignored. Did you mean "prewarm.runtimes"?',
    ]);
  });

  test(`${name}: strangers cannot fill the log with keys`, async () => {
    const warnings = await warningsOf(async () => {
      const made = make({});
      for (let count = 0; count < 300; count++) {
        await made.execute({ runtime: "bash", [`key${count}`]: 1 }).catch(() => {});
      }
    });
    assert.equal(warnings.length, 100);
  });

  test(`${name}: an unknown option of a call, which 0.20 does not have, is an error`, async () => {
    const expected = {
      code: "ISOL8_INVALID_REQUEST",
      message: 'Unknown option "signl" of a call. Did you mean "signal"?',
    };
    const made = make({});
    await assert.rejects(made.execute(BASH, { signl: AbortSignal.abort() }), expected);
    await assert.rejects(async () => {
      for await (const _ of made.executeStream(BASH, { signl: 1 }));
    }, expected);
  });
}

test("RemoteIsol8 warns about unknown keys of its connection", async () => {
  const connection = { host: "http://127.0.0.1:9", apikey: "k", sessionid: "a", other: 1 };
  assert.deepEqual(await warningsOf(() => new RemoteIsol8(connection)), [
    '[WARN] Unknown option "apikey" of RemoteIsol8 is ignored. Did you mean "apiKey"?',
    '[WARN] Unknown option "sessionid" of RemoteIsol8 is ignored. Did you mean "sessionId"?',
    '[WARN] Unknown option "other" of RemoteIsol8 is ignored.',
  ]);
});

test("a request with an unknown key runs", async () => {
  let result;
  const warnings = await warningsOf(async () => {
    result = await engine.execute({ ...BASH, timeout: 5 });
  });
  assert.equal(result.stdout, "x");
  assert.equal(warnings.length, 1);
});

test("a configuration serves as options, without warnings", async () => {
  await withFolder(async (folder) => {
    const config = {
      maxConcurrent: 1,
      defaults: { timeoutMs: 250, network: "none", pidsLimit: undefined },
      network: { whitelist: ["^a$"] },
      audit: { enabled: false },
    };
    await writeFile(join(folder, "isol8.config.json"), JSON.stringify(config));
    const warnings = await warningsOf(async () => {
      const configured = new DockerIsol8(loadConfig(folder));
      try {
        const { termination, exitCode } = await configured.execute({ ...BASH, code: "sleep 60" });
        assert.deepEqual([termination, exitCode], ["timeout", 137]);
      } finally {
        await configured.stop();
      }
    });
    assert.deepEqual(warnings, []);
    assert.throws(() => new DockerIsol8({ ...loadConfig(folder), maxConcurrent: 0 }), {
      message: /^Invalid maxConcurrent: 0\./,
    });
    assert.throws(() => new DockerIsol8({ ...loadConfig(folder), mode: "x" }), {
      message: /^Invalid mode: "x"/,
    });
  });
});
