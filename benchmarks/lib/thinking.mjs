// Executions with think time: as of somebody who reads each result before the next one.

import { sleep } from "./stats.mjs";

/** Think time: the pause between two executions, in milliseconds. */
export const THINK = 200;

/** Number of executions of one variant before the turn of the next. */
export const BLOCK = 10;

/** Runs a block with think time. The first execution follows another variant and is not counted. */
export async function thinking(once, count) {
  const samples = [];
  for (let i = 0; i <= count; i += 1) {
    await sleep(THINK);
    const ms = await once();
    if (i > 0) samples.push(ms);
  }
  return samples;
}
