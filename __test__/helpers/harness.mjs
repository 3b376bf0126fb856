// What the tests of the public package share: engines that are stopped at the end, a time limit that
// holds in every runner, and waiting for something to become true.

import assert from "node:assert/strict";
import { after, test as runnerTest } from "node:test";
import { DockerIsol8 } from "../../index.js";

/** Time limit of a test in milliseconds. Said for each one, because Bun's own default is 5 s. */
const TEST_LIMIT_MS = 90_000;

/** The runtimes that run code in a language. */
export const LANGUAGES = ["python", "node", "bun", "deno", "bash"];

/** A test of `node:test`; the options may be left out. */
export function test(name, ...rest) {
  const body = rest.pop();
  return runnerTest(name, { timeout: TEST_LIMIT_MS, ...rest[0] }, body);
}

/** An engine for a whole test file. Call it at the top level of the file. */
export function sharedEngine(options, maxConcurrent) {
  const engine = new DockerIsol8(options, maxConcurrent);
  after(() => engine.stop());
  return engine;
}

/** An engine for the time that `use` takes. */
export async function withEngine(options, use, maxConcurrent) {
  const engine = new DockerIsol8(options, maxConcurrent);
  try {
    return await use(engine);
  } finally {
    await engine.stop();
  }
}

/** Every event of a run, in order. */
export async function eventsOf(engine, request, options) {
  const events = [];
  for await (const event of engine.executeStream(request, options)) events.push(event);
  return events;
}

/** The text of all events of one type. */
export function textOf(events, type) {
  return events
    .filter((event) => event.type === type)
    .map((event) => event.data)
    .join("");
}

/** Runs a program that must succeed; gives its standard output. */
export async function outputOf(engine, request) {
  const result = await engine.execute(request);
  assert.equal(result.exitCode, 0, `exit ${result.exitCode}: ${result.stderr || result.stdout}`);
  return result.stdout;
}

export const sleep = (milliseconds) =>
  new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
  });

/** Waits until `condition` gives something truthy, and gives that. `what` is a text, or gives one. */
export async function until(condition, limitMs, what) {
  const deadline = Date.now() + limitMs;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (Date.now() >= deadline) {
      assert.fail(`not within ${limitMs} ms: ${typeof what === "function" ? what() : what}`);
    }
    await sleep(20);
  }
}

let fingerprints = 0;

/**
 * A memory limit that no other engine on this machine uses: it tells the containers of one engine
 * from everybody else's. In bytes, a multiple of the page size, between 256 MiB and 1.25 GiB.
 */
export function uniqueMemory() {
  const perProcess = 64;
  assert.ok(fingerprints < perProcess, "more engines than fingerprints");
  const page = 4096;
  const number = (process.pid % 4096) * perProcess + fingerprints;
  fingerprints += 1;
  return (256 << 20) + page * number;
}
