// From the bytes of a program to the text of the caller: characters, secrets, limits.

import assert from "node:assert/strict";
import { eventsOf, sharedEngine, test, textOf, withEngine } from "./helpers/harness.mjs";

const engine = sharedEngine();

/** Writes each piece separately, with a pause, so that each arrives alone. */
const inPieces = (pieces, stream = "stdout") => `
import sys, time
for piece in [${pieces.map((piece) => `bytes([${[...Buffer.from(piece)]}])`)}]:
    sys.${stream}.buffer.write(piece); sys.${stream}.buffer.flush(); time.sleep(0.05)`;

test("a character split over writes is whole, collected and streamed", async () => {
  const bytes = Buffer.from("é€😀");
  const code = inPieces([...bytes].map((byte) => Buffer.from([byte])));
  const result = await engine.execute({ runtime: "python", code });
  assert.equal(result.stdout, "é€😀");
  const events = await eventsOf(engine, { runtime: "python", code });
  assert.equal(textOf(events, "stdout"), "é€😀");
  assert.ok(!events.some((event) => event.data.includes("�")));
});

test("bytes that are not UTF-8 become replacement characters", async () => {
  const result = await engine.execute({ runtime: "bash", code: "printf 'a\\377b\\360\\237'" });
  assert.equal(result.stdout, "a�b�");
});

test("NUL and control bytes are kept", async () => {
  const result = await engine.execute({ runtime: "bash", code: "printf 'a\\0b\\033[1mc'" });
  assert.equal(result.stdout, "a\0b\x1b[1mc");
});

const SECRET = "s3cr3t-välue";

test("secrets reach the program and are masked in stdout and stderr", async () => {
  await withEngine({ secrets: { TOKEN: SECRET, EMPTY: "" } }, async (masked) => {
    const code = `
import os, sys
assert os.environ["TOKEN"] == "s3cr3t-v\\u00e4lue" and os.environ["EMPTY"] == ""
print("out", os.environ["TOKEN"], "end"); print("err", os.environ["TOKEN"], file=sys.stderr)`;
    const result = await masked.execute({ runtime: "python", code });
    assert.equal(result.stdout, "out *** end");
    assert.equal(result.stderr, "err ***");
    const failing = await masked.execute({
      runtime: "node",
      code: "throw new Error(`no access with ${process.env.TOKEN}`)",
    });
    assert.equal(failing.exitCode, 1);
    assert.match(failing.stderr, /no access with \*\*\*/);
    assert.ok(!failing.stderr.includes(SECRET));
  });
});

for (const stream of ["stdout", "stderr"]) {
  test(`a secret split over writes is masked in ${stream}`, async () => {
    await withEngine({ secrets: { TOKEN: SECRET } }, async (masked) => {
      const code = inPieces(["a s3c", "r3t-", "välue b s3cr3t"], stream);
      const result = await masked.execute({ runtime: "python", code });
      assert.equal(result[stream], "a *** b s3cr3t");
      const events = await eventsOf(masked, { runtime: "python", code });
      assert.equal(textOf(events, stream), "a *** b s3cr3t");
    });
  });
}

test("secrets are masked in the output and the error of a setup script", async () => {
  await withEngine({ secrets: { TOKEN: SECRET } }, async (masked) => {
    const request = { runtime: "bash", code: ":", setupScript: 'echo "$TOKEN" >&2; exit 2' };
    const failure = { message: "Setup script failed (exit code 2): ***", code: "ISOL8_SETUP" };
    await assert.rejects(masked.execute(request), failure);
    const events = await eventsOf(masked, request);
    assert.equal(textOf(events, "stderr").trim(), "***");
    assert.ok(!JSON.stringify(events).includes(SECRET));
  });
});

test("output beyond the limit is cut, and the notice has the real total", async () => {
  await withEngine({ maxOutputSize: 100 }, async (limited) => {
    const code = 'import sys; print("x" * 4999); print("é" * 1000, file=sys.stderr, end="")';
    const result = await limited.execute({ runtime: "python", code });
    assert.equal(result.truncated, true);
    assert.equal(
      result.stdout,
      `${"x".repeat(100)}\n\n--- OUTPUT TRUNCATED (5000 bytes, limit: 100) ---`,
    );
    assert.equal(
      result.stderr,
      `${"é".repeat(50)}\n\n--- OUTPUT TRUNCATED (2000 bytes, limit: 100) ---`,
    );
    const events = await eventsOf(limited, { runtime: "python", code });
    assert.equal(textOf(events, "stdout"), result.stdout);
    assert.equal(textOf(events, "stderr"), result.stderr);
  });
});

test("output of exactly the limit is not cut", async () => {
  await withEngine({ maxOutputSize: 100 }, async (limited) => {
    const result = await limited.execute({ runtime: "bash", code: "printf %0100d 1" });
    assert.equal(result.truncated, false);
    assert.equal(result.stdout, "1".padStart(100, "0"));
  });
});

test("a character at the limit is not cut in two", async () => {
  await withEngine({ maxOutputSize: 4 }, async (limited) => {
    const { stdout } = await limited.execute({ runtime: "bash", code: "printf 'aa€b'" });
    assert.equal(stdout, "aa\n\n--- OUTPUT TRUNCATED (6 bytes, limit: 4) ---");
  });
});

test("the timeout notice comes after the truncation notice", async () => {
  await withEngine({ maxOutputSize: 10 }, async (limited) => {
    const code = 'import sys, time; print("x" * 99, file=sys.stderr, flush=True); time.sleep(60)';
    const result = await limited.execute({ runtime: "python", code, timeoutMs: 1000 });
    assert.equal(result.exitCode, 137);
    assert.equal(
      result.stderr,
      `${"x".repeat(10)}\n\n--- OUTPUT TRUNCATED (100 bytes, limit: 10) ---\n--- EXECUTION TIMED OUT ---`,
    );
  });
});

const GIB = 2 ** 30;
const PRINT_A_GIB = `
import os
piece = b"y" * (1 << 20)
for _ in range(1024):
    rest = memoryview(piece)
    while rest:
        rest = rest[os.write(1, rest):]`;

/** How much the output of a program may grow the memory of this process, in bytes. */
const ALLOWED_GROWTH = 64 << 20;

test("a program that prints 1 GiB does not grow the host's memory and does not stall other executions", async () => {
  const collect = () => globalThis.Bun?.gc(true);
  await withEngine({ maxOutputSize: 1 << 20, timeoutMs: 85_000 }, async (limited) => {
    const small = () => limited.execute({ runtime: "bash", code: "echo small" });
    // A first run, so that buffers and pools have the size for output at the limit.
    const warm = { runtime: "python", code: "print('y' * (4 << 20))" };
    await Promise.all([limited.execute(warm), small()]);
    await Promise.all([limited.execute(warm), small()]);
    collect();
    const before = process.memoryUsage.rss();
    let highest = before;
    const watch = setInterval(() => {
      highest = Math.max(highest, process.memoryUsage.rss());
    }, 10);
    const started = Date.now();
    let ended = null;
    const flood = limited.execute({ runtime: "python", code: PRINT_A_GIB }).then((result) => {
      ended = Date.now() - started;
      return result;
    });
    let answered = 0;
    while (ended === null) {
      assert.equal((await small()).stdout, "small");
      answered += 1;
    }
    const result = await flood;
    clearInterval(watch);
    assert.ok(answered > 1, "no small program ran meanwhile");
    assert.equal(result.exitCode, 0, result.stderr);
    assert.equal(result.truncated, true);
    const notice = `\n\n--- OUTPUT TRUNCATED (${GIB} bytes, limit: ${1 << 20}) ---`;
    assert.ok(result.stdout.endsWith(notice));
    assert.equal(result.stdout.length, (1 << 20) + notice.length);
    const growth = highest - before;
    assert.ok(growth < ALLOWED_GROWTH, `the host grew by ${growth >> 20} MiB`);
    console.log(
      `# 1 GiB in ${ended} ms, ${answered} small programs meanwhile, +${growth >> 20} MiB`,
    );
  });
});
