// What most tests need: an engine that is stopped whatever happens, and a way to wait.

import { DockerIsol8 } from "@isol8/core";

/** Runs `use` with an engine and stops it afterwards. */
export async function withEngine(options, use, maxConcurrent = undefined) {
  const engine = new DockerIsol8(options, maxConcurrent);
  try {
    return await use(engine);
  } finally {
    await engine.stop();
  }
}

/** One execution on an engine of its own. */
export const once = (request, options = {}) =>
  withEngine(options, (engine) => engine.execute(request));

/** All events of a stream. */
export async function collect(events) {
  const list = [];
  for await (const event of events) list.push(event);
  return list;
}

/** The text of one kind of event. */
export const textOf = (events, type) =>
  events
    .filter((event) => event.type === type)
    .map((event) => event.data)
    .join("");

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Waits until `check` gives something true; fails after `limitMs`. */
export async function until(check, limitMs, what) {
  const end = Date.now() + limitMs;
  for (;;) {
    const value = await check();
    if (value) return value;
    if (Date.now() > end) throw new Error(`not within ${limitMs} ms: ${what}`);
    await sleep(50);
  }
}

/** The error of a promise or function that must fail. */
export async function failure(action) {
  try {
    await (typeof action === "function" ? action() : action);
  } catch (error) {
    return error;
  }
  throw new Error("it did not fail");
}
