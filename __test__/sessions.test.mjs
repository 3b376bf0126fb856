// Sessions through the public API, in each language. The next program finds what the last one left in the interpreter
// and in the sandbox. Where a timeout or an exit ends the interpreter, the files stay and the next result says so.

import assert from "node:assert/strict";
import { eventsOf, LANGUAGES, test, textOf } from "./helpers/harness.mjs";
import { PROGRAMS, withSession } from "./helpers/sessions.mjs";

for (const runtime of LANGUAGES) {
  const program = PROGRAMS[runtime];

  test(`${runtime}: variables, functions, files and the working directory survive`, async () => {
    await withSession(runtime, async ({ engine, says }) => {
      await says(program.set);
      const { containerId } = engine;
      assert.equal(await says(program.get), "84");
      await says(program.write);
      assert.equal(await says(program.read), "kept");
      assert.equal(await says(program.directory), "/sandbox");
      await says(program.enter);
      assert.equal(await says(program.directory), "/sandbox/d");
      assert.equal(await says(program.get), "84");
      assert.equal(engine.containerId, containerId);
    });
  });

  test(`${runtime}: streamed and collected calls share one session`, async () => {
    await withSession(runtime, async ({ engine, says }) => {
      assert.deepEqual(await eventsOf(engine, { runtime, code: program.set }), [
        { type: "exit", data: "0", phase: "code" },
      ]);
      assert.equal(await says(program.get), "84");
      const events = await eventsOf(engine, { runtime, code: program.get });
      assert.equal(textOf(events, "stdout").trim(), "84");
      assert.deepEqual(events.at(-1), { type: "exit", data: "0", phase: "code" });
    });
  });

  test(`${runtime}: an error is the result of its call, and the interpreter lives on`, async () => {
    await withSession(runtime, async ({ run, says }) => {
      await says(program.set);
      const failed = await run(program.fail);
      assert.equal(failed.exitCode, 1);
      assert.match(failed.stderr, /boom/);
      assert.equal(await says(program.get), "84");
    });
  });

  /** What the next call finds after an exit or a timeout: its output, and why the state was lost. */
  const found = (isKept, reason) => (isKept ? ["true", undefined] : ["false", reason]);

  test(`${runtime}: after an exit the next call finds the files, and the state or why it was lost`, async () => {
    await withSession(runtime, async ({ engine, run, says }) => {
      await says(program.set);
      await says(program.write);
      const { containerId } = engine;
      const ended = await run(program.exit);
      assert.deepEqual([ended.exitCode, ended.stdout], [7, "bye"]);
      const next = await run(program.isSet);
      assert.deepEqual([next.stdout, next.sessionReset], found(program.keepsState, "exit"));
      assert.equal(await says(program.read), "kept");
      assert.equal(engine.containerId, containerId);
      await says(program.set);
      assert.equal(await says(program.get), "84");
    });
  });

  test(`${runtime}: after a timeout the next call finds the files, and the state or why it was lost`, async () => {
    await withSession(runtime, async ({ engine, run, says }) => {
      await says(program.set);
      await says(program.write);
      const { containerId } = engine;
      const late = await run(program.hang, { timeoutMs: 3000 });
      assert.deepEqual([late.exitCode, late.stdout], [137, "on"]);
      assert.match(late.stderr, /--- EXECUTION TIMED OUT ---$/);
      const next = await run(program.isSet);
      assert.deepEqual([next.stdout, next.sessionReset], found(program.isInterrupted, "timeout"));
      assert.equal(await says(program.read), "kept");
      assert.equal(engine.containerId, containerId);
    });
  });

  test(`${runtime}: the environment belongs to one call`, async () => {
    await withSession(runtime, async ({ says }) => {
      assert.equal(await says(program.environment, { env: { KEY: "one" } }), "one");
      assert.equal(await says(program.environment, { env: { KEY: "two" } }), "two");
      assert.equal(await says(program.environment), "unset");
    });
  });

  test(`${runtime}: simultaneous calls are served in order, in one sandbox`, async () => {
    await withSession(runtime, async ({ engine }) => {
      const append = (n) => ({ runtime, cmd: `sleep 0.0$((RANDOM % 9)); echo ${n} >>order` });
      const results = await Promise.all([0, 1, 2, 3, 4, 5].map((n) => engine.execute(append(n))));
      assert.equal(new Set(results.map(({ containerId }) => containerId)).size, 1);
      const order = (await engine.getFile("/sandbox/order")).toString();
      assert.equal(order, "0\n1\n2\n3\n4\n5\n");
    });
  });
}
