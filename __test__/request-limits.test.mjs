// requestLimits: what a request may ask for. What is refused reaches no daemon.

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

test("files of a session have the limits of a request, and are refused before anything is waited for", async () => {
  const code = "ISOL8_REQUEST_LIMIT";
  await assert.rejects(session.putFile("/sandbox/f", Buffer.alloc(16777216)), {
    code,
    message:
      "The request has 16777226 bytes in files; requestLimits.files.maxBytes allows 16777216.",
  });
  await assert.rejects(session.getFile(`/sandbox/${text(65536)}`), {
    code,
    message:
      "The request has 65545 bytes in outputPaths; requestLimits.outputPaths.maxBytes allows 65536.",
  });
});

test("a file that a session returns has the size limit of the files of a request", async () => {
  const limited = sharedEngine({
    mode: "persistent",
    requestLimits: { files: { maxBytes: 1000 } },
  });
  await limited.execute({
    runtime: "bash",
    code: "head -c 1000 /dev/zero >fits; head -c 1001 /dev/zero >large",
  });
  assert.equal((await limited.getFile("fits")).length, 1000);
  await assert.rejects(limited.getFile("large"), {
    code: "ISOL8_REQUEST_LIMIT",
    message: "The file is larger than 1000 bytes, which requestLimits.files.maxBytes allows.",
  });
  await limited.stop();
});

test("requests that wait have a limit in bytes, which one that runs does not count for", async () => {
  const requestLimits = { maxWaitingBytes: 100_000 };
  for (const mode of ["ephemeral", "persistent"]) {
    const engine = sharedEngine({ mode, requestLimits }, 1);
    const request = { runtime: "bash", code: "cat | wc -c", stdin: text(60_000) };
    const large = { ...request, stdin: text(200_000) };
    // The second waits for the first. Nothing more has room then.
    const [first, second, third, stream] = await Promise.allSettled([
      engine.execute(large),
      engine.execute(request),
      engine.execute(request),
      eventsOf(engine, request),
    ]);
    assert.equal(first.value?.stdout, "200000", first.reason);
    assert.equal(second.value?.stdout, "60000", second.reason);
    for (const { reason } of [third, stream]) {
      assert.equal(reason?.code, "ISOL8_REQUEST_LIMIT");
      assert.match(reason.message, /^The requests that wait have 12\d{4} bytes with this one; /);
      assert.match(reason.message, / requestLimits\.maxWaitingBytes allows 100000\.$/);
    }
    assert.equal((await engine.execute(large)).stdout, "200000");
    await engine.stop();
  }
});

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
    [{ maxWaitingBytes: -1 }, /^Invalid requestLimits\.maxWaitingBytes: -1\./],
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
