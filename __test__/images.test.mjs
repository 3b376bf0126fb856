// Any local image: one that holds nothing but busybox, made by scripts/ensure-busybox-image.sh.

import assert from "node:assert/strict";
import { eventsOf, sharedEngine, test, textOf } from "./helpers/harness.mjs";

const engine = sharedEngine({ image: "isol8-test/busybox:latest" });

test("cmd falls back to sh where there is no bash", async () => {
  const result = await engine.execute({
    runtime: "bash",
    cmd: "echo out; echo err >&2; id -u; exit 3",
  });
  assert.deepEqual([result.stdout, result.stderr, result.exitCode], ["out\n100", "err", 3]);
});

test("a setup script falls back to sh, too", async () => {
  const request = { runtime: "bash", setupScript: "echo made >made", cmd: "cat made" };
  const result = await engine.execute(request);
  assert.equal(result.stdout, "made", result.stderr);
});

test("a long cmd falls back to sh, too", async () => {
  const result = await engine.execute({
    runtime: "bash",
    cmd: `: ${"x".repeat(200_000)}\necho end`,
  });
  assert.equal(result.stdout, "end", result.stderr);
});

test("files, stdin, environment, working directory and outputs work", async () => {
  const result = await engine.execute({
    runtime: "bash",
    cmd: 'cat - in >out; printf %s "$VALUE" >>out; pwd',
    workdir: "w",
    stdin: "a",
    env: { VALUE: "c" },
    files: { "/sandbox/w/in": "b" },
    outputPaths: ["/sandbox/w/out"],
  });
  assert.equal(result.stdout, "/sandbox/w", result.stderr);
  assert.equal(Buffer.from(result.files["/sandbox/w/out"], "base64").toString(), "abc");
});

test("streams and timeouts work", async () => {
  const events = await eventsOf(engine, {
    runtime: "bash",
    cmd: "echo x; sleep 60",
    timeoutMs: 1000,
  });
  assert.equal(textOf(events, "stdout"), "x\n");
  assert.deepEqual(events.at(-1), { type: "exit", data: "137", phase: "code" });
});

test("a used sandbox is clean for the next", async () => {
  const dirty = "touch /sandbox/f /tmp/f; sleep 600 & ls -A /sandbox | wc -l";
  for (let round = 0; round < 4; round += 1) {
    const result = await engine.execute({ runtime: "bash", cmd: dirty });
    assert.equal(result.stdout, "1", result.stderr);
  }
});

test("a runtime that the image lacks is an error that names its program", async () => {
  const result = await engine
    .execute({ runtime: "python", code: "print(1)" })
    .catch((error) => error);
  const said = result instanceof Error ? result.message : result.stderr;
  assert.match(said, /python3/);
  assert.notEqual(result.exitCode, 0);
});
