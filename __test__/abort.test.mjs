// Executions that an AbortSignal cancels.

import assert from "node:assert/strict";
import { outputOf, sharedEngine, test } from "./helpers/harness.mjs";

const engine = sharedEngine();
const BASH = { runtime: "bash", code: "echo x" };
const bash = (code, more) => outputOf(engine, { runtime: "bash", code, ...more });

test("an aborted signal rejects with its reason, before the call and during it", async () => {
  const reason = new Error("no longer wanted");
  await assert.rejects(engine.execute(BASH, { signal: AbortSignal.abort(reason) }), reason);
  const endless = { runtime: "bash", code: "sleep 60" };
  const controller = new AbortController();
  const running = engine.execute(endless, { signal: controller.signal });
  setTimeout(() => controller.abort(), 300);
  await assert.rejects(running, { name: "AbortError" });
  await assert.rejects(engine.execute(endless, { signal: AbortSignal.timeout(200) }), {
    name: "TimeoutError",
  });
  assert.equal(await bash("echo still here"), "still here");
});

test("a signal that is never aborted changes nothing", async () => {
  const { signal } = new AbortController();
  assert.equal((await engine.execute(BASH, { signal })).stdout, "x");
});
