// Output as callers get it: decoded, masked, limited.

import assert from "node:assert/strict";
import { test } from "node:test";
import { collect, once, sleep, textOf, withEngine } from "./helpers/engine.js";

const split = (bytes) =>
  `import sys,time
for b in ${JSON.stringify([...Buffer.from(bytes)])}:
    sys.stdout.buffer.write(bytes([b])); sys.stdout.flush(); time.sleep(0.01)`;

test("UTF-8 that arrives in pieces is whole", async () => {
  const text = "aé€😀z";
  await withEngine({}, async (engine) => {
    const request = { runtime: "python", code: split(text) };
    assert.equal((await engine.execute(request)).stdout, text);
    const events = await collect(engine.executeStream(request));
    assert.equal(textOf(events, "stdout"), text);
    assert.ok(events.filter(({ type }) => type === "stdout").length > 1, "it was in pieces");
    for (const { data } of events) assert.doesNotMatch(data, /\uFFFD/);
  });
});

test("bytes that are no UTF-8 are replaced, and nothing else is lost", async () => {
  const { stdout } = await once({ runtime: "bash", code: "printf 'a\\xffb\\xc3'" });
  assert.equal(stdout, "a\uFFFDb\uFFFD");
});

test("secrets are masked on both streams, in every phase, also in two writes", async () => {
  const options = { secrets: { TOKEN: "hunter2-secret", EMPTY: "" } };
  await withEngine(options, async (engine) => {
    const halves =
      "printf hunter2-; sleep 0.1; printf 'secret\\n'; echo $TOKEN >&2; echo a${EMPTY}b";
    const request = { runtime: "bash", code: halves, setupScript: "echo $TOKEN" };
    const result = await engine.execute(request);
    assert.deepEqual([result.stdout, result.stderr], ["***\nab", "***"]);
    const events = await collect(engine.executeStream(request));
    assert.doesNotMatch(JSON.stringify(events), /hunter2|secret/);
    assert.equal(textOf(events, "stdout"), "***\n***\nab\n");
    const error = await engine
      .execute({ runtime: "bash", code: "true", setupScript: "echo $TOKEN >&2; exit 1" })
      .catch((caught) => caught);
    assert.equal(error.message, "Setup script failed (exit code 1): ***");
  });
});

test("trailing white space is trimmed, leading is not", async () => {
  const { stdout, stderr } = await once({
    runtime: "bash",
    code: "printf '  a \\n\\t\\n'; printf '\\n e  ' >&2",
  });
  assert.deepEqual([stdout, stderr], ["  a", "\n e"]);
});

test("each stream is cut at the limit, and the true total is told", async () => {
  const code = "head -c 5000 /dev/zero | tr '\\0' a; head -c 10 /dev/zero | tr '\\0' b >&2";
  await withEngine({ maxOutputSize: 1000 }, async (engine) => {
    const result = await engine.execute({ runtime: "bash", code });
    const note = "\n\n--- OUTPUT TRUNCATED (5000 bytes, limit: 1000) ---";
    assert.equal(result.stdout, "a".repeat(1000) + note);
    assert.equal(result.stderr, "b".repeat(10));
    assert.equal(result.truncated, true);
    const events = await collect(engine.executeStream({ runtime: "bash", code }));
    assert.equal(textOf(events, "stdout"), "a".repeat(1000) + note);
  });
});

test("output of exactly the limit is whole", async () => {
  const code = "head -c 1000 /dev/zero | tr '\\0' a";
  const result = await once({ runtime: "bash", code }, { maxOutputSize: 1000 });
  assert.deepEqual([result.stdout.length, result.truncated], [1000, false]);
});

test("a gigabyte of output costs the host neither memory nor other executions", async () => {
  await withEngine({}, async (engine) => {
    await engine.execute({ runtime: "bash", code: "true" });
    const before = process.memoryUsage.rss();
    let highest = before;
    const watch = setInterval(() => {
      highest = Math.max(highest, process.memoryUsage.rss());
    }, 20);
    try {
      const flood = engine.execute({
        runtime: "bash",
        code: "head -c 1073741824 /dev/zero",
        timeoutMs: 60_000,
      });
      await sleep(200);
      const began = Date.now();
      const other = await engine.execute({ runtime: "bash", code: "echo alive" });
      const took = Date.now() - began;
      assert.equal(other.stdout, "alive");
      assert.ok(took < 3000, `another execution took ${took} ms`);
      const result = await flood;
      assert.equal(result.exitCode, 0);
      assert.equal(result.truncated, true);
      assert.match(result.stdout, /OUTPUT TRUNCATED \(1073741824 bytes, limit: 1048576\) ---$/);
    } finally {
      clearInterval(watch);
    }
    const grown = (highest - before) / 1024 / 1024;
    assert.ok(grown < 100, `resident memory grew by ${grown.toFixed()} MiB`);
  });
});
