// requestLimits: what a request may ask for. No request below reaches a daemon.

import assert from "node:assert/strict";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DockerIsol8, loadConfig } from "../index.js";
import { eventsOf, sharedEngine, test } from "./helpers/harness.mjs";

const docker = { socketPath: "/nonexistent.sock" };
const strict = sharedEngine({ docker, requestLimits: "strict" });
const session = sharedEngine({ docker, mode: "persistent", requestLimits: "strict" });

const text = (length) => "x".repeat(length);
const many = (count, value) =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`/sandbox/k${index}`, value]));

for (const [field, request, message] of [
  [
    "timeoutMs",
    { timeoutMs: 60_001 },
    "a timeoutMs of 60001; requestLimits.timeoutMs allows 60000.",
  ],
  [
    "code",
    { code: text(1048577) },
    "1048577 bytes in code; requestLimits.code.maxBytes allows 1048576.",
  ],
  [
    "stdin",
    { stdin: text(1048577) },
    "1048577 bytes in stdin; requestLimits.stdin.maxBytes allows 1048576.",
  ],
  [
    "files",
    { files: many(1001, "") },
    "1001 entries in files; requestLimits.files.maxCount allows 1000.",
  ],
  [
    "files of bytes",
    { files: { "/a": Buffer.alloc(16777216) } },
    "16777218 bytes in files; requestLimits.files.maxBytes allows 16777216.",
  ],
  ["env", { env: many(65, "") }, "65 entries in env; requestLimits.env.maxCount allows 64."],
  [
    "outputPaths",
    { outputPaths: Object.keys(many(101)) },
    "101 entries in outputPaths; requestLimits.outputPaths.maxCount allows 100.",
  ],
]) {
  test(`a request beyond the limit is refused, and the error names it: ${field}`, async () => {
    const expected = { code: "ISOL8_REQUEST_LIMIT", message: `The request has ${message}` };
    const whole = { runtime: "bash", code: "true", ...request };
    await assert.rejects(strict.execute(whole), expected);
    await assert.rejects(session.execute(whole), expected);
    await assert.rejects(eventsOf(strict, whole), expected);
  });
}

for (const [field, request] of [
  ["codeUrl", { code: "", codeUrl: "https://example.com/a.sh" }],
  ["installPackages", { installPackages: ["a"] }],
  ["setupScript", { setupScript: "true" }],
  ["agentFlags", { agentFlags: "-x" }],
  ["allowInsecureCodeUrl", { allowInsecureCodeUrl: true }],
]) {
  test(`a field that is not allowed is refused: ${field}`, async () => {
    await assert.rejects(strict.execute({ runtime: "bash", code: "true", ...request }), {
      code: "ISOL8_REQUEST_LIMIT",
      message: `Requests must not have ${field}: requestLimits.${field}.allowed is false.`,
    });
  });
}

test("a request within the limits goes on to the daemon", async () => {
  const request = { runtime: "bash", code: "true", env: { A: "b" }, timeoutMs: 60_000 };
  await assert.rejects(strict.execute(request), { code: "ISOL8_DOCKER_UNREACHABLE" });
});

test("a table that is misspelt or wrong is refused when the engine is made", () => {
  for (const [requestLimits, message] of [
    ["Strict", /requestLimits: unknown variant `Strict`/],
    [{ file: {} }, /requestLimits.*: unknown field `file`/],
    [{ files: { max: 1 } }, /requestLimits\.files.*: unknown field `max`/],
    [{ files: { maxCount: -1 } }, /^Invalid requestLimits\.files\.maxCount: -1\./],
    [{ timeoutMs: 0 }, /^Invalid requestLimits\.timeoutMs: 0\./],
    [{ env: { allowed: "no" } }, /requestLimits\.env\.allowed: /],
  ]) {
    const options = { docker, requestLimits };
    assert.throws(() => new DockerIsol8(options), { code: "ISOL8_INVALID_OPTION", message });
  }
});

test("a configuration file has the limits, and is refused with wrong ones", () => {
  const folder = mkdtempSync(join(tmpdir(), "isol8-limits-"));
  const load = (requestLimits) => {
    writeFileSync(join(folder, "isol8.config.json"), JSON.stringify({ requestLimits }));
    return loadConfig(folder).requestLimits;
  };
  assert.equal(load(undefined), "default");
  assert.equal(load("strict"), "strict");
  assert.deepEqual(load({ files: { maxCount: 2 } }), { files: { maxCount: 2 } });
  assert.throws(() => load({ files: { maxCont: 2 } }), {
    message: /requestLimits\.files\.maxCont: unknown field/,
  });
});
