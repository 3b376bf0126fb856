// Churn: sandboxes created, used once and destroyed per second, against Docker's own create + start +
// remove of an idle container with the same limits.

import { create, likeness, remove, start } from "./lib/containers.mjs";
import { inspect } from "./lib/docker.mjs";
import { figure } from "./lib/figures.mjs";
import { DockerIsol8 } from "./lib/package.mjs";
import { check, PROGRAMS } from "./lib/programs.mjs";
import { median, sleep, timed } from "./lib/stats.mjs";

export const name = "churn";
export const title = "Sandboxes used once";

/** With a writable root, a sandbox is never used again. */
const OPTIONS = { readonlyRootFs: false };

/** Number of sandboxes in one batch. */
const BATCH = 16;

export async function run({ rounds, log }) {
  const like = await likeness("bash", OPTIONS);
  const figures = [];
  for (const concurrency of [1, 4]) {
    log(`concurrency ${concurrency}`);
    figures.push(await measure(like, concurrency, rounds(4, 2)));
  }
  return figures;
}

/** Calls `action` BATCH times, at most `concurrency` at once. */
async function batch(concurrency, action) {
  let left = BATCH;
  const worker = async () => {
    while (left > 0) {
      left -= 1;
      await action();
    }
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
}

/** Measures from a new engine until its last used container is gone. */
async function engineBatch(concurrency) {
  const engine = new DockerIsol8(OPTIONS, concurrency);
  const used = new Set();
  try {
    await batch(concurrency, async () => {
      const result = await engine.execute({ runtime: "bash", code: PROGRAMS.bash.code });
      check(result);
      used.add(result.containerId);
    });
  } finally {
    await engine.stop();
  }
  if (used.size !== BATCH) throw new Error(`${BATCH} runs had ${used.size} sandboxes`);
  for (const id of used) while (await inspect(id)) await sleep(5);
}

const dockerBatch = (like, concurrency) =>
  batch(concurrency, async () => {
    const id = await create(like, ["sleep", "infinity"]);
    await start(id);
    await remove(id);
  });

async function measure(like, concurrency, rounds) {
  const perSecond = { engine: [], docker: [] };
  for (let round = 0; round < rounds; round += 1) {
    perSecond.engine.push((BATCH / (await timed(() => engineBatch(concurrency)))) * 1000);
    perSecond.docker.push((BATCH / (await timed(() => dockerBatch(like, concurrency)))) * 1000);
  }
  return figure({
    name: `sandboxes per second, concurrency ${concurrency}`,
    value: median(perSecond.engine),
    unit: "/s",
    against: { name: "create + start + remove", value: median(perSecond.docker) },
    target: { least: 0.9 },
  });
}
