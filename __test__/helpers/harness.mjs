// Shared by the tests of the package: engines that are stopped at the end, a time limit in every test runner,
// and waiting for a condition.

import assert from "node:assert/strict";
import { after, test as runnerTest } from "node:test";
import * as isol8 from "../../index.js";
import { backend } from "./backend.mjs";

/** Time limit of a test in milliseconds. Each test sets it, because Bun's default is 5 s. */
const TEST_LIMIT_MS = 180_000;

/** The runtimes that run code in a language. */
export const LANGUAGES = ["python", "node", "bun", "deno", "bash"];

/** Defines a test of `node:test`. The options may be left out. */
export function test(name, ...rest) {
  const body = rest.pop();
  return runnerTest(name, { timeout: TEST_LIMIT_MS, ...rest[0] }, body);
}

/** Makes an engine on the backend that the tests are run for. */
function makeEngine(options, maxConcurrent) {
  if (backend === "docker") return new isol8.DockerIsol8(options, maxConcurrent);
  return new isol8.Isol8({ ...options, backend }, maxConcurrent);
}

/** Makes an engine for a whole test file. Call it at the top level of the file. */
export function sharedEngine(options, maxConcurrent) {
  const engine = makeEngine(options, maxConcurrent);
  after(() => engine.stop());
  return engine;
}

/** Makes an engine while `use` runs. */
export async function withEngine(options, use, maxConcurrent) {
  const engine = makeEngine(options, maxConcurrent);
  try {
    return await use(engine);
  } finally {
    await engine.stop();
  }
}

/** Returns every event of an execution, in order. */
export async function eventsOf(engine, request, options) {
  const events = [];
  for await (const event of engine.executeStream(request, options)) events.push(event);
  return events;
}

/** Returns the text of all events of one type. */
export function textOf(events, type) {
  return events
    .filter((event) => event.type === type)
    .map((event) => event.data)
    .join("");
}

/** Runs a program that must succeed. Returns its standard output. */
export async function outputOf(engine, request) {
  const result = await engine.execute(request);
  assert.equal(result.exitCode, 0, `exit ${result.exitCode}: ${result.stderr || result.stdout}`);
  return result.stdout;
}

export const sleep = (milliseconds) =>
  new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
  });

/** Longer than any condition takes that a test waits for, so that a hang is a failure. */
const PATIENCE_MS = 60_000;

/** Waits until `condition` returns a truthy value, and returns it. `what` is a text or returns one, for the failure. */
export async function until(condition, what) {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (Date.now() >= deadline) {
      assert.fail(`never: ${typeof what === "function" ? what() : what}`);
    }
    await sleep(20);
  }
}

let fingerprints = 0;

/**
 * Returns a memory limit that no other engine on this machine uses. It identifies the containers of one engine. In
 * bytes, a multiple of the page size, between 256 MiB and 1.25 GiB.
 */
export function uniqueMemory() {
  const perProcess = 64;
  assert.ok(fingerprints < perProcess, "more engines than fingerprints");
  const page = 4096;
  const number = (process.pid % 4096) * perProcess + fingerprints;
  fingerprints += 1;
  return (256 << 20) + page * number;
}
