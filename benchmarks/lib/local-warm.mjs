// Executions on sandboxes that are ready: of local sandboxes, and of Docker's with the same interpreter.

import { BACKENDS, call, withEngine } from "./both-backends.mjs";
import { figure } from "./figures.mjs";
import { mean, median, sleep, timed } from "./stats.mjs";
import { systemImage } from "./system-image.mjs";
import { BLOCK, THINK, thinking } from "./thinking.mjs";

/** Number of executions in one batch, and how many run at once. */
const BATCH = 48;
const CONCURRENCY = 8;

/**
 * Blocks without pauses in one turn. The mean of a block of ten calls varies by a tenth, because programs share two
 * processors with the starts of interpreters. So the median of eight blocks would vary by as much as the target allows.
 */
const LOOPS = 5;

/** Measures the two in blocks, one after the other: what one puts off after a result is not in the time of the other. */
export async function warm(runtime, rounds) {
  const samples = { local: [], docker: [] };
  const loops = { local: [], docker: [] };
  const rates = { local: [], docker: [] };
  const image = await systemImage();
  await withEngine("local", {}, CONCURRENCY, (local) =>
    withEngine("docker", { image }, CONCURRENCY, async (docker) => {
      const engines = { local, docker };
      const once = (backend) => () => timed(() => call(engines[backend], runtime));
      const batch = (backend) =>
        timed(() =>
          Promise.all(Array.from({ length: BATCH }, () => call(engines[backend], runtime))),
        );
      for (const backend of BACKENDS) await batch(backend);
      for (let round = 0; round < rounds; round += 1) {
        for (const backend of BACKENDS) {
          samples[backend].push(...(await thinking(once(backend), BLOCK)));
          for (let turn = 0; turn < LOOPS; turn += 1) {
            await sleep(THINK);
            const loop = [];
            for (let n = 0; n < BLOCK; n += 1) loop.push(await once(backend)());
            loops[backend].push(mean(loop));
          }
          await sleep(THINK);
          rates[backend].push((BATCH / (await batch(backend))) * 1000);
        }
      }
    }),
  );
  const against = (values, unit, name, target) =>
    figure({
      name,
      runtime,
      value: median(values.local),
      unit,
      against: { name: "Docker's sandboxes", value: median(values.docker) },
      target,
    });
  return [
    against(samples, "ms", "warm p50, think 200 ms", { most: 1.05 }),
    against(loops, "ms", "back to back", { most: 1.05 }),
    against(rates, "/s", `executions per second, concurrency ${CONCURRENCY}`, { least: 0.95 }),
  ];
}
