// Programs that load the package again and again, and workers that are terminated: nothing is left behind.

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { commandsOf } from "./helpers/backend.mjs";
import { hostProcess } from "./helpers/child.mjs";
import { containersWithMemory } from "./helpers/docker.mjs";
import { outputOf, test, uniqueMemory, until, withEngine } from "./helpers/harness.mjs";
import { serve } from "./helpers/served.mjs";

const PACKAGE = fileURLToPath(new URL("../index.cjs", import.meta.url));

/** A request that would run for ten minutes and prints nothing. */
const SLEEP = `{ runtime: "bash", code: "exec sleep 600", timeoutMs: 700_000 }`;

const BASH = { runtime: "bash", code: "echo x" };

const noneLeft = (memory) =>
  until(async () => (await containersWithMemory(memory)).length === 0, "containers are gone");

/** Whether the program of `SLEEP` runs in a sandbox with this memory limit. */
async function isSleeping(memory) {
  const ids = await containersWithMemory(memory);
  const commands = await Promise.all(ids.map(commandsOf));
  return commands.some((command) => command.includes("sleep 600"));
}

/** Runs `use` with a worker that runs `program`, once `SLEEP` runs. Terminates the worker in the end. */
async function terminated(memory, program) {
  const text = `
const { DockerIsol8, RemoteIsol8 } = require(${JSON.stringify(PACKAGE)});
(async () => {${program}})();`;
  const worker = new Worker(text, { eval: true });
  let failure;
  worker.on("error", (error) => {
    failure = error;
  });
  try {
    await until(async () => {
      assert.ifError(failure);
      return await isSleeping(memory);
    }, "the program in the worker runs");
  } finally {
    await worker.terminate();
  }
}

const EXECUTE = `await engine.execute(${SLEEP});`;

for (const [how, options, program] of [
  ["execute", {}, EXECUTE],
  ["execute with callbacks", {}, `await engine.execute(${SLEEP}, { onStdout() {} });`],
  ["executeStream", {}, `for await (const _ of engine.executeStream(${SLEEP}));`],
  ["a session", { mode: "persistent" }, EXECUTE],
]) {
  test(`worker.terminate() ends the programs of that worker, and no others: ${how}`, async () => {
    const [own, other] = [uniqueMemory(), uniqueMemory()];
    await withEngine({ memoryLimit: String(other), mode: "persistent" }, async (engine) => {
      assert.equal(await outputOf(engine, BASH), "x");
      await terminated(
        own,
        `const engine = new DockerIsol8(${JSON.stringify({ ...options, memoryLimit: String(own) })});
${program}`,
      );
      await noneLeft(own);
      assert.equal(await outputOf(engine, BASH), "x");
      assert.equal((await containersWithMemory(other)).length, 1);
    });
  });
}

test("worker.terminate() where only the worker has the package", async () => {
  const memory = uniqueMemory();
  const text = `
const engine = new (require(${JSON.stringify(PACKAGE)}).DockerIsol8)({ memoryLimit: "${memory}" });
engine.execute(${SLEEP});`;
  const { child, line, ended } = hostProcess(`
const { Worker } = await import("node:worker_threads");
const worker = new Worker(new URL("data:text/javascript," + encodeURIComponent(
  'import { createRequire } from "node:module"; const require = createRequire(${JSON.stringify(PACKAGE)});' + ${JSON.stringify(text)},
)));
process.once("SIGUSR2", async () => {
  await worker.terminate();
  console.log("terminated");
});
setInterval(() => {}, 60_000);
console.log("ready");`);
  try {
    assert.equal(await line(), "ready");
    await until(() => isSleeping(memory), "the program in the worker runs");
    child.kill("SIGUSR2");
    assert.equal(await line(), "terminated");
    await noneLeft(memory);
  } finally {
    child.kill("SIGKILL");
    await ended;
  }
});

for (const [how, program] of [
  ["execute", `await remote.execute(${SLEEP});`],
  ["executeStream", `for await (const _ of remote.executeStream(${SLEEP}));`],
]) {
  test(`worker.terminate() ends the programs of that worker on a server: ${how}`, async () => {
    const memory = uniqueMemory();
    const { host, stop } = await serve("the-key");
    try {
      await terminated(
        memory,
        `const remote = new RemoteIsol8({ host: "${host}", apiKey: "the-key" }, { memoryLimit: "${memory}" });
${program}`,
      );
      await until(async () => !(await isSleeping(memory)), "the program is gone");
    } finally {
      await stop();
    }
  });
}

test("loading the package again adds no exit listeners", async () => {
  const { code, stdout, stderr } = await hostProcess(`
import { createRequire } from "node:module";
const require = createRequire(${JSON.stringify(PACKAGE)});
const counts = [];
for (let load = 0; load < 15; load += 1) {
  for (const path of Object.keys(require.cache)) delete require.cache[path];
  const isol8 = require(${JSON.stringify(PACKAGE)});
  const engine = new isol8.DockerIsol8({ poolSize: 0 });
  if (load % 7 === 0) await engine.execute({ runtime: "bash", code: "true" });
  new isol8.RemoteIsol8({ host: "http://127.0.0.1:1", apiKey: "k" });
  await import(${JSON.stringify(PACKAGE.replace(/cjs$/, "js"))} + "?" + load);
  counts.push(process.listenerCount("exit"));
}
console.log(JSON.stringify(counts));`).ended;
  assert.deepEqual([code, stderr], [0, ""]);
  const counts = JSON.parse(stdout);
  assert.deepEqual(counts, Array(15).fill(counts[0]));
});

test("an idle engine gives its sandboxes back, and makes new ones at the next call", async () => {
  const memory = uniqueMemory();
  await withEngine({ memoryLimit: String(memory), idleMs: 1000 }, async (engine) => {
    await engine.start({ prewarm: { runtimes: ["bash"] } });
    assert.ok((await containersWithMemory(memory)).length > 0);
    await noneLeft(memory);
    assert.equal(await outputOf(engine, BASH), "x");
    assert.ok((await containersWithMemory(memory)).length > 0);
    await noneLeft(memory);
  });
});
