// The end of a server in this process, and of a process that has one.

import assert from "node:assert/strict";
import { createServer } from "../index.js";
import { backend } from "./helpers/backend.mjs";
import { hostProcess } from "./helpers/child.mjs";
import { clientOf, KEY, PLAIN } from "./helpers/created-server.mjs";
import { statesWithMemory } from "./helpers/docker.mjs";
import { test, textOf, uniqueMemory, until } from "./helpers/harness.mjs";
import "./helpers/websocket.mjs";

test("a call that runs may end within the grace, and no other begins", async () => {
  const server = await createServer(PLAIN);
  const client = clientOf(server, { sessionId: "s" });
  await client.execute({ runtime: "bash", code: "true" });
  const code = "echo up; until [ -e /sandbox/go ]; do sleep 0.05; done; echo end";
  const events = [];
  let shutdown;
  for await (const event of client.executeStream({ runtime: "bash", code })) {
    events.push(event);
    if (event.data !== "up\n") continue;
    await client.putFile("/sandbox/go", "");
    shutdown = server.shutdown();
    await assert.rejects(clientOf(server).execute({ runtime: "bash", code: "true" }));
  }
  assert.equal(textOf(events, "stdout"), "up\nend\n");
  assert.deepEqual(events.at(-1), { type: "exit", data: "0", phase: "code" });
  await shutdown;
});

test("without a grace, or when it is over, calls end with an error and their sandboxes are gone", async () => {
  const memory = uniqueMemory();
  const defaults = { memoryLimit: `${memory}` };
  const server = await createServer({ ...PLAIN, config: { ...PLAIN.config, defaults } });
  const running = clientOf(server).executeStream({ runtime: "bash", code: "echo up; sleep 600" });
  let long;
  const reading = async () => {
    for await (const { type, data } of running) {
      assert.notEqual(type, "exit");
      if (data !== "up\n") continue;
      if (backend === "docker") assert.equal((await statesWithMemory(memory)).length, 1);
      long = server.shutdown();
      // A later call may be less patient.
      await server.shutdown({ graceMs: 1 });
    }
  };
  await assert.rejects(reading(), { code: "ISOL8_REMOTE" });
  await long;
  await server.shutdown();
  await Promise.all([
    server.shutdown(),
    server[Symbol.asyncDispose ?? Symbol.for("Symbol.asyncDispose")](),
  ]);
  assert.deepEqual(await statesWithMemory(memory), []);
  await assert.rejects(clientOf(server).ping(), { code: "ISOL8_REMOTE" });
});

/** Starts a host process with a server, whose sandboxes have the memory limit `memory`. */
function serverProcess(program, memory) {
  const config = { poolSize: 0, defaults: { memoryLimit: `${memory}` } };
  const options = JSON.stringify({ ...PLAIN, config });
  return hostProcess(`
const server = await createServer(${options});
const client = new RemoteIsol8({ host: server.url, apiKey: ${JSON.stringify(KEY)} });
${program}`);
}

/** Waits for the end of a process. A process that does not end is killed, and fails. */
async function endOf({ child, ended }) {
  const overdue = setTimeout(() => child.kill("SIGKILL"), 60_000);
  try {
    return await ended;
  } finally {
    clearTimeout(overdue);
  }
}

test("a process ends when its server has ended, and not before", async () => {
  const host = serverProcess(
    `await client.execute({ runtime: "bash", code: "true" });
console.log(server.url);
process.once("SIGUSR2", () => server.shutdown());`,
    uniqueMemory(),
  );
  try {
    const url = await host.line();
    // Nothing but the server keeps it: its own program has ended.
    for (let count = 0; count < 10; count++) {
      assert.equal((await fetch(`${url}/health`)).status, 200);
      await new Promise((resolve) => {
        setTimeout(resolve, 20);
      });
    }
    host.child.kill("SIGUSR2");
    const { code, signal, stderr } = await endOf(host);
    assert.deepEqual([code, signal], [0, null], stderr);
  } finally {
    host.child.kill("SIGKILL");
  }
});

for (const [how, end] of [
  ["exits", "process.exit(7)"],
  ["is killed", 'process.kill(process.pid, "SIGKILL")'],
]) {
  test(`a process that ${how} while its server runs a program leaves nothing`, async () => {
    const memory = uniqueMemory();
    const host = serverProcess(
      `for await (const { data } of client.executeStream({ runtime: "bash", code: "echo up; sleep 600" })) ${end};`,
      memory,
    );
    const { code, signal, stderr } = await endOf(host);
    assert.deepEqual([code, signal], how === "exits" ? [7, null] : [null, "SIGKILL"], stderr);
    await until(async () => (await statesWithMemory(memory)).length === 0, "its sandbox is gone");
  });
}
