// Output as exact bytes, and output by callback beside the result.

import assert from "node:assert/strict";
import { eventsOf, sharedEngine, test, textOf, until, withEngine } from "./helpers/harness.mjs";

const engine = sharedEngine();
const bytesOf = (text) => Buffer.from(text, "base64");
const base64 = (code, more) => ({ runtime: "bash", code, outputEncoding: "base64", ...more });

test("base64 output is every byte, with the white space at its end", async () => {
  const all = Buffer.from([...Array(256).keys()]);
  const code =
    "for n in {0..255}; do printf \"\\\\x$(printf %x $n)\"; done; printf '\\xff \\n\\n' >&2";
  const { stdout, stderr } = await engine.execute(base64(code));
  assert.deepEqual(bytesOf(stdout), all);
  assert.deepEqual(bytesOf(stderr), Buffer.from([0xff, 0x20, 0x0a, 0x0a]));

  const events = await eventsOf(engine, base64(code));
  const streamed = events.filter(({ type }) => type === "stdout").map(({ data }) => bytesOf(data));
  assert.deepEqual(Buffer.concat(streamed), all);
});

test("base64 output has no notices, and the fields of the result have what happened", async () => {
  const options = { maxOutputSize: 10, secrets: { TOKEN: "hunter2-hunter2" } };
  await withEngine(options, async (limited) => {
    const cut = await limited.execute(base64("printf '%0100d' 1"));
    assert.deepEqual([bytesOf(cut.stdout).toString(), cut.truncated], ["0000000000", true]);
    const late = await limited.execute(base64("printf x >&2; exec sleep 60", { timeoutMs: 500 }));
    assert.deepEqual([bytesOf(late.stderr).toString(), late.termination], ["x", "timeout"]);
    const masked = await limited.execute(base64('printf "$TOKEN"'));
    assert.equal(bytesOf(masked.stdout).toString(), "***");
  });
});

test("the error of a failed setup script is text in every encoding", async () => {
  const request = base64("true", { setupScript: "echo broken >&2; exit 3" });
  await assert.rejects(engine.execute(request), {
    message: "Setup script failed (exit code 3): broken",
  });
});

test("another encoding is refused by name", async () => {
  await assert.rejects(engine.execute({ ...base64("true"), outputEncoding: "hex" }), {
    code: "ISOL8_INVALID_REQUEST",
    message: /^Invalid request: outputEncoding: .*hex.*base64/,
  });
});

test("callbacks get output while the program runs, and the result has it all", async () => {
  const received = { onStdout: "", onStderr: "" };
  const listeners = Object.fromEntries(
    Object.keys(received).map((name) => [
      name,
      (data) => {
        received[name] += data;
      },
    ]),
  );
  const code = "echo one; echo two >&2; until [ -e /sandbox/go ]; do sleep 0.05; done; echo three";
  await withEngine({ mode: "persistent" }, async (session) => {
    await session.execute({
      runtime: "bash",
      cmd: "(sleep 1; touch /sandbox/go) >/dev/null 2>&1 &",
    });
    const running = session.execute({ runtime: "bash", cmd: code }, listeners);
    await until(
      () => received.onStdout === "one\n" && received.onStderr === "two\n",
      "output by callback",
    );
    const result = await running;
    assert.deepEqual([result.stdout, result.stderr, result.exitCode], ["one\nthree", "two", 0]);
    assert.equal(received.onStdout, "one\nthree\n");
    assert.deepEqual(
      Object.keys(await session.execute({ runtime: "bash", cmd: "true" })),
      Object.keys(result),
    );
  });
});

test("with callbacks an execution fails, is aborted and times out as without", async () => {
  const onStdout = () => {};
  await assert.rejects(engine.execute({ runtime: "bash" }, { onStdout }), {
    code: "ISOL8_INVALID_REQUEST",
  });
  await assert.rejects(
    engine.execute({ runtime: "bash", code: "true", setupScript: "exit 3" }, { onStdout }),
    { code: "ISOL8_SETUP", message: /^Setup script failed \(exit code 3\)/ },
  );
  const late = { runtime: "bash", code: "exec sleep 60", timeoutMs: 500 };
  const { stderr } = await engine.execute(late, { onStdout });
  assert.equal(stderr, "\n--- EXECUTION TIMED OUT ---");
  const mine = new Error("mine");
  const endless = { runtime: "bash", code: "echo x; exec sleep 600" };
  const thrower = () => {
    throw mine;
  };
  await assert.rejects(engine.execute(endless, { onStdout: thrower }), mine);
  const controller = new AbortController();
  const abort = () => controller.abort(mine);
  await assert.rejects(
    engine.execute(endless, { onStdout: abort, signal: controller.signal }),
    mine,
  );
  await assert.rejects(engine.execute(endless, { onStdout: "x" }), {
    code: "ISOL8_INVALID_REQUEST",
    message: "Invalid onStdout: x. It must be a function.",
  });
});

test("a failed installation and a failed setup look the same in a stream and as an error", async () => {
  const failing = {
    ISOL8_INSTALL: { installPackages: ["isol8-no-such-package-for-tests"] },
    ISOL8_SETUP: { setupScript: "echo broken >&2; exit 3" },
  };
  for (const [code, more] of Object.entries(failing)) {
    const request = { runtime: "python", code: "1", ...more };
    const error = await engine.execute(request).then(assert.fail, (failure) => failure);
    assert.equal(error.code, code);
    const events = await eventsOf(engine, request);
    const [failure, exit] = events.slice(-2);
    assert.deepEqual([failure.type, failure.phase, failure.code], ["error", "setup", code]);
    const [head] = /^.*\(exit code \d+\)/.exec(error.message);
    assert.ok(failure.data.startsWith(head), failure.data);
    assert.deepEqual(
      [exit.type, exit.phase, exit.data],
      ["exit", "setup", /(\d+)\)$/.exec(head)[1]],
    );
    assert.equal(textOf(events, "exit"), exit.data);
  }
});
