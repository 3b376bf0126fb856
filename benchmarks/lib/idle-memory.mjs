// Prints the KiB of resident memory that each idle warm sandbox costs the process, from the difference between few
// and many sandboxes. memory.mjs runs it with --expose-gc.

import { DockerIsol8 } from "./package.mjs";
import { sleep } from "./stats.mjs";

/** Number of sandboxes of the first engine. It also loads what is loaded only once. */
const FEW = 4;

const count = Number(process.argv[2]);

async function settled() {
  for (let i = 0; i < 5; i += 1) {
    globalThis.gc();
    await sleep(100);
  }
  return process.memoryUsage.rss() / 1024;
}

async function warmed(clean) {
  const engine = new DockerIsol8({ poolSize: { clean, dirty: 1 } });
  await engine.start({ prewarm: { runtimes: ["bash"] } });
  return engine;
}

const first = await warmed(FEW);
const before = await settled();
const second = await warmed(count);
const after = await settled();
await Promise.all([first.stop(), second.stop()]);
console.log((after - before) / count);
