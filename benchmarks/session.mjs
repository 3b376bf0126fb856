// Session: a call in a live session, against a warm execution of the same program in a sandbox of its own.

import { figure } from "./lib/figures.mjs";
import { DockerIsol8 } from "./lib/package.mjs";
import { check, PROGRAMS } from "./lib/programs.mjs";
import { median, timed } from "./lib/stats.mjs";
import { BLOCK, thinking } from "./lib/thinking.mjs";

export const name = "session";
export const title = "Session: one call after the other in a live session";

/** A call costs at most twice as much as an execution on its own. */
const MOST = 2;

export async function run({ runtimes, rounds, log }) {
  const figures = [];
  for (const runtime of runtimes) {
    log(runtime);
    figures.push(await measure(runtime, rounds(4, 1)));
  }
  return figures;
}

async function measure(runtime, rounds) {
  const request = { runtime, code: PROGRAMS[runtime].code };
  const single = new DockerIsol8();
  const session = new DockerIsol8({ mode: "persistent" });
  const on = (engine) => () => timed(async () => check(await engine.execute(request)));
  const samples = { single: [], session: [] };
  try {
    await single.start({ prewarm: { runtimes: [runtime] } });
    await session.start();
    for (const engine of [single, session]) await thinking(on(engine), 2);
    for (let round = 0; round < rounds; round += 1) {
      samples.single.push(...(await thinking(on(single), BLOCK)));
      samples.session.push(...(await thinking(on(session), BLOCK)));
    }
  } finally {
    await session.stop();
    await single.stop();
  }
  return figure({
    name: "call in a session p50, think 200 ms",
    runtime,
    value: median(samples.session),
    unit: "ms",
    against: { name: "warm p50, think 200 ms", value: median(samples.single) },
    target: { most: MOST },
  });
}
