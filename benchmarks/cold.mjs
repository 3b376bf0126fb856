// Cold: from a new engine to the first result, against Docker's own create + start of an idle container
// with the same limits plus the bare start of the interpreter.

import { Driver, idleStart, likeness } from "./lib/containers.mjs";
import { figure } from "./lib/figures.mjs";
import { DockerIsol8 } from "./lib/package.mjs";
import { check, PROGRAMS } from "./lib/programs.mjs";
import { median, sleep, timed } from "./lib/stats.mjs";

export const name = "cold";
export const title = "Cold: new engine to first result";

/** Pause before each sample, in milliseconds. The daemon finishes earlier removals meanwhile. */
const SETTLE = 250;

export async function run({ runtimes, rounds, log }) {
  const figures = [];
  for (const runtime of runtimes) {
    log(runtime);
    figures.push(...(await measure(runtime, rounds(12, 4))));
  }
  return figures;
}

async function measure(runtime, rounds) {
  const program = PROGRAMS[runtime];
  const like = await likeness(runtime);
  const driver = await Driver.open(like, program);
  const samples = { cold: [], docker: [], bare: [] };
  const variants = {
    async cold() {
      const engine = new DockerIsol8();
      try {
        const request = { runtime, code: program.code };
        samples.cold.push(await timed(async () => check(await engine.execute(request))));
      } finally {
        await engine.stop();
      }
    },
    async docker() {
      samples.docker.push(await idleStart(like));
    },
    async bare() {
      samples.bare.push(...(await driver.bareStarts(1)));
    },
  };
  try {
    await driver.bareStarts(2);
    for (let round = 0; round < rounds; round += 1) {
      for (const variant of Object.values(variants)) {
        await sleep(SETTLE);
        await variant();
      }
    }
  } finally {
    await driver.close();
  }
  const docker = median(samples.docker);
  const bare = median(samples.bare);
  return [
    figure({ name: "Docker create + start", runtime, value: docker, unit: "ms" }),
    figure({
      name: "cold",
      runtime,
      value: median(samples.cold),
      unit: "ms",
      against: { name: "create + start + bare", value: docker + bare },
      target: { most: 1.1 },
    }),
  ];
}
