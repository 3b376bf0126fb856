// Runs three programs at the same time, and cancels them when the first one has its result.
//
// Prints:
//   fast wins
//   slow was cancelled
//   slower was cancelled

import { DockerIsol8 } from "@isol8/core";

const isol8 = new DockerIsol8();
const controller = new AbortController();
const run = (name, seconds) =>
  isol8.execute(
    { runtime: "bash", code: `sleep ${seconds}; echo ${name}` },
    { signal: controller.signal },
  );

const runs = { fast: run("fast", 0), slow: run("slow", 60), slower: run("slower", 90) };
const outcomes = Promise.allSettled(Object.values(runs));
const winner = await Promise.any(Object.values(runs));
controller.abort();
console.log(winner.stdout, "wins");
for (const [index, name] of Object.keys(runs).entries()) {
  const { status } = (await outcomes)[index];
  if (status === "rejected") console.log(name, "was cancelled");
}
await isol8.stop();
