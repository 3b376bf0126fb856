// The life of engines and of their host processes: no sandbox outlives either.

import assert from "node:assert/strict";
import { hostProcess } from "./helpers/child.mjs";
import { containersWithMemory, statesWithMemory } from "./helpers/docker.mjs";
import { eventsOf, outputOf, test, uniqueMemory, until, withEngine } from "./helpers/harness.mjs";

async function noneLeft(memory) {
  let left;
  const gone = async () => {
    left = await statesWithMemory(memory);
    return left.length === 0;
  };
  const what = () => `containers are gone: ${JSON.stringify(left)}`;
  await until(gone, what);
}

test("kill -9 of the host leaves no container, warm or running", async () => {
  const memory = uniqueMemory();
  const { child, line, ended } = hostProcess(`
const engine = new DockerIsol8({ memoryLimit: "${memory}", poolSize: { clean: 2, dirty: 1 } });
await engine.start({ prewarm: { runtimes: ["python", "bash"] } });
for await (const event of engine.executeStream({ runtime: "bash", code: "echo running; setsid sleep 600 & sleep 600" })) {
  console.log(event.data.trim());
}`);
  assert.equal(await line(), "running");
  // Two warm containers of each runtime, and the running one.
  const before = await until(async () => {
    const all = await statesWithMemory(memory);
    return all.length === 5 && all.every(({ state }) => state === "running") && all;
  }, "four warm sandboxes and a running one");
  child.kill("SIGKILL");
  const killed = Date.now();
  await ended;
  await noneLeft(memory);
  console.log(`# ${before.length} containers were gone within ${Date.now() - killed} ms`);
});

for (const [how, program] of [
  ["after an execution", 'await engine.execute({ runtime: "bash", code: "echo x" });'],
  ["after prewarming", 'await engine.start({ prewarm: { runtimes: ["bash", "python"] } });'],
  [
    "after a stream",
    'for await (const _ of engine.executeStream({ runtime: "bash", code: "echo" }));',
  ],
  ["without having run anything", ""],
]) {
  test(`a host that forgets stop() ${how} exits, and leaves nothing`, async () => {
    const memory = uniqueMemory();
    const { line, ended, child } = hostProcess(`
const engine = new DockerIsol8({ memoryLimit: "${memory}" });
${program}
console.log("done");`);
    assert.equal(await line(), "done");
    const overdue = setTimeout(() => child.kill("SIGKILL"), 60_000);
    const { code, signal, stderr } = await ended;
    clearTimeout(overdue);
    assert.deepEqual([code, signal], [0, null], stderr);
    await noneLeft(memory);
  });
}

test("a host that exits during an execution leaves nothing", async () => {
  const memory = uniqueMemory();
  const { ended } = hostProcess(`
const engine = new DockerIsol8({ memoryLimit: "${memory}" });
for await (const _ of engine.executeStream({ runtime: "bash", code: "echo up; sleep 600" })) process.exit(7);`);
  assert.equal((await ended).code, 7);
  await noneLeft(memory);
});

test("a host that exits while a container is being created leaves nothing", async () => {
  for (const delay of [20, 60, 120, 200]) {
    const memory = uniqueMemory();
    const { ended } = hostProcess(`
const engine = new DockerIsol8({ memoryLimit: "${memory}" });
engine.start({ prewarm: true });
setTimeout(() => process.exit(0), ${delay});`);
    const { code, stderr } = await ended;
    assert.equal(code, 0, stderr);
    await noneLeft(memory);
  }
});

test("stop() removes every container and may be called twice, even at the same time", async () => {
  const memory = uniqueMemory();
  await withEngine({ memoryLimit: String(memory) }, async (engine) => {
    await engine.stop();
    await engine.start({ prewarm: { runtimes: ["python", "bash"] } });
    assert.ok((await containersWithMemory(memory)).length >= 2);
    await Promise.all([engine.stop(), engine.stop()]);
    assert.deepEqual(await containersWithMemory(memory), []);
    await engine.stop();
  });
});

test("stop() ends running executions with an error, and the engine can be used again", async () => {
  const memory = uniqueMemory();
  await withEngine({ memoryLimit: String(memory) }, async (engine) => {
    const request = { runtime: "bash", code: "sleep 600" };
    const stopped = { message: "The engine was stopped", code: "ISOL8_STOPPED" };
    const collected = assert.rejects(engine.execute(request), stopped);
    const streamed = eventsOf(engine, request);
    await until(async () => (await containersWithMemory(memory)).length >= 2, "they run");
    await engine.stop();
    assert.deepEqual(await containersWithMemory(memory), []);
    await collected;
    assert.deepEqual(
      (await streamed).map(({ type, data }) => [type, data]),
      [
        ["error", "The engine was stopped"],
        ["exit", "1"],
      ],
    );
    assert.equal(await outputOf(engine, { runtime: "bash", code: "echo again" }), "again");
  });
});

test("stop() also ends executions that wait in the queue", async () => {
  const memory = uniqueMemory();
  await withEngine(
    { memoryLimit: String(memory) },
    async (engine) => {
      const request = { runtime: "bash", code: "sleep 600" };
      const all = Array.from({ length: 4 }, () => engine.execute(request));
      const outcomes = Promise.allSettled(all);
      await until(async () => (await containersWithMemory(memory)).length > 0, "one runs");
      await engine.stop();
      for (const { status, reason } of await outcomes) {
        assert.equal(status, "rejected");
        assert.equal(reason.code, "ISOL8_STOPPED");
      }
    },
    1,
  );
});

test("start() prewarms only what prewarm asks for", async () => {
  const memory = uniqueMemory();
  await withEngine(
    { memoryLimit: String(memory), poolSize: { clean: 2, dirty: 0 } },
    async (engine) => {
      await engine.start();
      assert.deepEqual(await containersWithMemory(memory), []);
      await engine.start({ prewarm: { runtimes: ["bash"] } });
      const warm = await containersWithMemory(memory);
      assert.equal(warm.length, 2);
      const { containerId } = await engine.execute({ runtime: "bash", code: ":" });
      assert.ok(warm.includes(containerId), "a prewarmed sandbox is used");
    },
  );
});

test("start({prewarm: true}) makes sandboxes ready for every language", async () => {
  const memory = uniqueMemory();
  await withEngine({ memoryLimit: String(memory) }, async (engine) => {
    await engine.start({ prewarm: true });
    assert.ok((await containersWithMemory(memory)).length >= 5);
  });
});

test("an engine with a pool of size 0 works and keeps no sandbox", async () => {
  const memory = uniqueMemory();
  await withEngine({ memoryLimit: String(memory), poolSize: 0 }, async (engine) => {
    assert.equal(await outputOf(engine, { runtime: "bash", code: "echo x" }), "x");
    assert.equal(await outputOf(engine, { runtime: "bash", code: "echo y" }), "y");
  });
  assert.deepEqual(await containersWithMemory(memory), []);
});

test("an ephemeral engine has no containerId and no file calls", async () => {
  await withEngine({}, async (engine) => {
    await engine.execute({ runtime: "bash", code: ":" });
    assert.equal(engine.containerId, null);
    const failure = { message: "No active container. Call execute() first in persistent mode." };
    await assert.rejects(engine.putFile("/sandbox/f", "x"), failure);
    await assert.rejects(engine.getFile("/sandbox/f"), failure);
  });
});
