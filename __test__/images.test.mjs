// Any local image works: this one has only busybox. scripts/ensure-busybox-image.sh makes it.

import assert from "node:assert/strict";
import { eventsOf, outputOf, sharedEngine, test, textOf, withEngine } from "./helpers/harness.mjs";

const engine = sharedEngine({ image: "isol8-test/busybox:latest" });

const BASH = { runtime: "bash", code: "true" };

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

test("a used sandbox is clean for the next program", async () => {
  const dirty = "touch /sandbox/f /tmp/f; sleep 600 & ls -A /sandbox | wc -l";
  for (let round = 0; round < 4; round += 1) {
    const result = await engine.execute({ runtime: "bash", cmd: dirty });
    assert.equal(result.stdout, "1", result.stderr);
  }
});

test("a runtime that the image lacks is an error that names its program", async () => {
  const foreign = { image: "isol8-test/busybox:latest" };
  for (const options of [foreign, { ...foreign, mode: "persistent" }]) {
    await withEngine(options, async (lacking) => {
      const message =
        "program not found: python3. The sandbox lacks it: choose an image that has it (option image), or another runtime.";
      await assert.rejects(lacking.execute({ runtime: "python", code: "print(1)" }), { message });
      const events = await eventsOf(lacking, { runtime: "python", code: "print(1)" });
      assert.deepEqual(
        events.map(({ type, data }) => [type, data]),
        [
          ["error", message],
          ["exit", "1"],
        ],
      );
    });
  }
});

test("packages for bash need apt, and the error for an image without apt names it", async () => {
  await assert.rejects(engine.execute({ ...BASH, installPackages: ["sl"] }), {
    message:
      "Package install failed (exit code 127): isol8 installs packages for bash with apt, which this image lacks; build an image",
  });
});

test("a session in an image without the interpreter runs each program as its own process and keeps the files", async () => {
  const options = { image: "isol8-test/busybox:latest", mode: "persistent" };
  await withEngine(options, async (session) => {
    const call = (code, more) => outputOf(session, { runtime: "bash", code, ...more });
    assert.equal(await call("x=1; echo $x; echo kept >f"), "1");
    assert.equal(await call('echo "[$x]"; cat f'), "[]\nkept");
    assert.equal(
      await call("cat; cat in; pwd", { stdin: "a", files: { "/sandbox/in": "b" } }),
      "ab/sandbox",
    );
    const failed = await session.execute({ runtime: "bash", code: "exit 3" });
    assert.equal(failed.exitCode, 3);
    const late = await session.execute({ runtime: "bash", code: "sleep 600", timeoutMs: 500 });
    assert.equal(late.exitCode, 137);
    assert.equal(await call("cat f"), "kept");
    assert.equal((await session.getFile("/sandbox/f")).toString(), "kept\n");
  });
});
