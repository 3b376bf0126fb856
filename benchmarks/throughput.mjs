// Throughput: executions per second at concurrency 8, against the same number of bare interpreter
// starts, eight at a time, in one idle container.

import { cpus } from "node:os";
import { Driver, likeness } from "./lib/containers.mjs";
import { figure } from "./lib/figures.mjs";
import { DockerIsol8 } from "./lib/package.mjs";
import { check, PROGRAMS } from "./lib/programs.mjs";
import { median, sleep, timed } from "./lib/stats.mjs";

export const name = "throughput";
export const title = "Throughput at concurrency 8";

const CONCURRENCY = 8;

/** Number of executions in one batch. */
const BATCH = 48;

export async function run({ runtimes, rounds, log }) {
  const figures = [];
  for (const runtime of runtimes) {
    log(runtime);
    figures.push(await measure(runtime, rounds(6, 2)));
  }
  return figures;
}

/** Eight sandboxes have eight times the limits of one. So has the container that they are compared with. */
function widened(like) {
  const { limits } = like;
  return {
    ...like,
    limits: {
      ...limits,
      NanoCpus: Math.min(limits.NanoCpus * CONCURRENCY, cpus().length * 1e9),
      Memory: limits.Memory * CONCURRENCY,
      MemorySwap: limits.Memory * CONCURRENCY,
      PidsLimit: limits.PidsLimit * CONCURRENCY,
    },
  };
}

async function measure(runtime, rounds) {
  const program = PROGRAMS[runtime];
  const driver = await Driver.open(widened(await likeness(runtime)), program);
  const engine = new DockerIsol8({}, CONCURRENCY);
  const request = { runtime, code: program.code };
  const batch = () =>
    timed(() =>
      Promise.all(Array.from({ length: BATCH }, async () => check(await engine.execute(request)))),
    );
  const perSecond = { engine: [], bare: [] };
  try {
    await engine.start({ prewarm: { runtimes: [runtime] } });
    await batch();
    await driver.parallelStarts(BATCH);
    for (let round = 0; round < rounds; round += 1) {
      await sleep(200);
      perSecond.engine.push((BATCH / (await batch())) * 1000);
      await sleep(200);
      perSecond.bare.push((BATCH / (await driver.parallelStarts(BATCH))) * 1000);
    }
  } finally {
    await driver.close();
    await engine.stop();
  }
  return figure({
    name: "executions per second",
    runtime,
    value: median(perSecond.engine),
    unit: "/s",
    against: { name: "bare starts, xargs -P 8", value: median(perSecond.bare) },
    target: { least: 0.8 },
  });
}
