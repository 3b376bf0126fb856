// Prints what an idle local sandbox costs, in KiB: this process, and the whole machine beyond the interpreter that waits
// in it. From the difference between few and many sandboxes. Prints also how much the machine's memory changes by
// itself. local.mjs runs it with --expose-gc.

import { writeFileSync } from "node:fs";
import { Isol8 } from "./package.mjs";
import { parents, read } from "./spawners.mjs";
import { median, sleep } from "./stats.mjs";

/** Number of sandboxes of the first engine. It also loads what is loaded only once. */
const FEW = 4;

/** How often many are made and removed. Other programs of the machine need memory, too. */
const ROUNDS = Number(process.argv[3]);

const count = Number(process.argv[2]);

const kibibytes = (text, name) =>
  Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(text)?.[1]);

/** Gives up copies of files and of names, as far as this user may. */
function dropCaches() {
  try {
    writeFileSync("/proc/sys/vm/drop_caches", "3");
  } catch {
    // Not root: the kernel's copies of names count as memory in use.
  }
}

/** Memory of the machine in use: all that is not free, but for copies of files on disks. */
function used() {
  dropCaches();
  const now = read("/proc/meminfo");
  const of = (name) => kibibytes(now, name);
  return of("MemTotal") - of("MemFree") - of("Buffers") - (of("Cached") - of("Shmem"));
}

async function settled() {
  for (let i = 0; i < 5; i += 1) {
    globalThis.gc();
    await sleep(100);
  }
  return { host: process.memoryUsage.rss() / 1024, machine: used() };
}

/** The memory that belongs to nobody but each of the interpreters below this process. */
function interpreters() {
  const above = parents();
  const depth = (pid) => {
    if (pid === String(process.pid)) return 0;
    return above.has(pid) ? depth(above.get(pid)) + 1 : Number.NEGATIVE_INFINITY;
  };
  // This process starts the one that makes sandboxes, which starts guests, which start interpreters.
  const found = [...above.keys()].filter((pid) => depth(pid) === 3);
  const own = found.map((pid) => {
    const sizes = read(`/proc/${pid}/smaps_rollup`);
    return kibibytes(sizes, "Private_Clean") + kibibytes(sizes, "Private_Dirty");
  });
  return own.filter((size) => size > 0);
}

async function warmed(clean) {
  const engine = new Isol8({ backend: "local", poolSize: { clean, dirty: 1 } });
  await engine.start({ prewarm: { runtimes: ["bash"] } });
  return engine;
}

const first = await warmed(FEW);
const readings = { host: [], machine: [], idle: [] };
for (let round = 0; round < ROUNDS; round += 1) {
  const earlier = await settled();
  const before = await settled();
  const second = await warmed(count);
  const after = await settled();
  const interpreter = median(interpreters());
  await second.stop();
  readings.host.push((after.host - before.host) / count);
  readings.machine.push((after.machine - before.machine) / count - interpreter);
  readings.idle.push(Math.abs(before.machine - earlier.machine) / count);
}
await first.stop();
console.log(
  JSON.stringify({
    host: readings.host[0],
    machine: median(readings.machine),
    noise: median(readings.idle),
  }),
);
