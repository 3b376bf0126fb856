// First: the first ten calls of a new engine without pauses. The first of them is compared with Docker's own create and
// start of an idle container plus a bare start, and the others with a bare start.

import { Driver, idleStart, likeness } from "./lib/containers.mjs";
import { figure } from "./lib/figures.mjs";
import { DockerIsol8 } from "./lib/package.mjs";
import { check, PROGRAMS } from "./lib/programs.mjs";
import { median, sleep, timed } from "./lib/stats.mjs";

export const name = "first";
export const title = "First: ten calls of a new engine";

/** Calls of one engine. The first is cold. */
const CALLS = 10;

/** Pause before each round, in milliseconds. The daemon finishes earlier removals meanwhile. */
const SETTLE = 250;

export async function run({ runtimes, rounds, log }) {
  const figures = [];
  for (const runtime of runtimes) {
    log(runtime);
    figures.push(...(await measure(runtime, rounds(10, 4))));
  }
  return figures;
}

async function measure(runtime, rounds) {
  const program = PROGRAMS[runtime];
  const like = await likeness(runtime);
  const driver = await Driver.open(like, program);
  const first = [];
  const later = [];
  const docker = [];
  const bare = [];
  try {
    await driver.bareStarts(2);
    for (let round = 0; round < rounds; round += 1) {
      await sleep(SETTLE);
      const engine = new DockerIsol8();
      const calls = [];
      try {
        for (let call = 0; call < CALLS; call += 1) {
          const request = { runtime, code: program.code };
          calls.push(await timed(async () => check(await engine.execute(request))));
        }
      } finally {
        await engine.stop();
      }
      first.push(calls[0]);
      later.push(median(calls.slice(1)));
      await sleep(SETTLE);
      docker.push(await idleStart(like));
      await sleep(SETTLE);
      bare.push(median(await driver.bareStarts(CALLS - 1)));
    }
  } finally {
    await driver.close();
  }
  return [
    // `cold` measures this alone, and has its target.
    figure({
      name: "call 1",
      runtime,
      value: median(first),
      unit: "ms",
      against: { name: "create + start + bare", value: median(docker) + median(bare) },
    }),
    figure({
      name: "calls 2 to 10, back to back",
      runtime,
      value: median(later),
      unit: "ms",
      against: { name: "bare start", value: median(bare) },
      target: { most: 1 },
    }),
  ];
}
