// Prints the memory of this process and of the guests after many executions, in MiB. memory.mjs runs it with
// --expose-gc.

import { guestMemory } from "./guest-memory.mjs";
import { DockerIsol8 } from "./package.mjs";
import { check, PROGRAMS } from "./programs.mjs";
import { sleep } from "./stats.mjs";

/** Number of executions after which V8 has compiled everything and its heap has its final size. */
const WARM_UP = 3000;

const executions = Number(process.argv[2]);
const engine = new DockerIsol8();
const used = new Set();

async function execute(count) {
  for (let i = 0; i < count; i += 1) {
    const result = await engine.execute({ runtime: "bash", code: PROGRAMS.bash.code });
    check(result);
    used.add(result.containerId);
  }
}

/** Number of executions between two readings. */
const BETWEEN = 100;

/**
 * Returns the resident memory of this process in MiB, after garbage collection. It is the least of several readings,
 * because the heap has some MiB more at times, between an optimisation and its garbage collection.
 */
async function own() {
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 8; i += 1) {
    await execute(BETWEEN);
    globalThis.gc();
    await sleep(50);
    globalThis.gc();
    least = Math.min(least, process.memoryUsage.rss());
  }
  return least / 1024 / 1024;
}

await execute(WARM_UP);
const before = await own();
await execute(executions);
const host = (await own()) - before;
const guests = (await Promise.all([...used].map(guestMemory))).filter(Boolean);
await engine.stop();
if (guests.length === 0) throw new Error("no sandbox is left");
console.log(JSON.stringify({ guest: Math.max(...guests), host }));
