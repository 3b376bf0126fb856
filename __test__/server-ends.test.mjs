// A server that is killed or asked to end while it has clients.

import assert from "node:assert/strict";
import { isGone } from "./helpers/backend.mjs";
import { sleep, test, until } from "./helpers/harness.mjs";
import { execute } from "./helpers/load.mjs";
import { serve } from "./helpers/served.mjs";

const KEY = "master-key";
const CLIENTS = 8;

/** The process is found in Linux's `/proc`. The server is the same under Bun. */
const options = { skip: process.platform !== "linux" || Boolean(process.versions.bun) };

/** Calls a server until it is gone. `containers` gets the ids of the containers that have run something. */
async function callUntilGone(server, containers) {
  const one = async () => {
    for (;;) {
      try {
        const { body } = await execute(server, KEY, "echo hello");
        containers.add(body.containerId);
      } catch {
        return;
      }
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, one));
}

test(
  "a kill under load leaves no sandbox, and the next server serves at once",
  options,
  async () => {
    const containers = new Set();
    const server = await serve(KEY);
    let next;
    try {
      const port = new URL(server.host).port;
      const session = await execute(server, KEY, "echo hello", { sessionId: "s" });
      containers.add(session.body.containerId);
      const calls = callUntilGone(server, containers);
      await until(() => containers.size > 2, "calls have been answered");
      process.kill(server.program(), "SIGKILL");
      await calls;
      await server.ended;
      next = await serve(KEY, { port });
      assert.equal(new URL(next.host).port, port);
      const { status, body } = await execute(next, KEY, "echo again");
      assert.deepEqual([status, body.stdout.trim()], [200, "again"]);
      for (const id of containers) await until(() => isGone(id), `${id} is gone`);
    } finally {
      await next?.stop();
      await server.stop();
    }
  },
);

/** A call that runs for this many seconds. */
function slowCall(server, seconds) {
  return execute(server, KEY, `sleep ${seconds}; echo done`);
}

async function untilRunning(server, count) {
  await until(async () => {
    const headers = { authorization: `Bearer ${KEY}` };
    const response = await fetch(`${server.host}/queue/status`, { headers });
    const { available, maxConcurrent } = await response.json();
    return available === maxConcurrent - count;
  }, `${count} calls run`);
}

test("SIGTERM lets running calls end, refuses new ones, and ends with 0", options, async () => {
  const server = await serve(KEY);
  try {
    const running = Array.from({ length: 4 }, () => slowCall(server, 15));
    await untilRunning(server, 4);
    process.kill(server.program(), "SIGTERM");
    await until(() => server.said().includes("Shutting down"), "the server has begun to end");
    const { status, body } = await execute(server, KEY, "echo late");
    assert.deepEqual([status, body.code], [503, "ISOL8_UNAVAILABLE"]);
    for (const { status, body } of await Promise.all(running)) {
      assert.deepEqual([status, body.stdout?.trim()], [200, "done"]);
    }
    assert.deepEqual(await server.ended, { code: 0, signal: null });
  } finally {
    await server.stop();
  }
});

test("a second SIGTERM ends running calls at once", options, async () => {
  const server = await serve(KEY);
  try {
    const running = Array.from({ length: 4 }, () => slowCall(server, 25).catch((error) => error));
    await untilRunning(server, 4);
    const pid = server.program();
    process.kill(pid, "SIGTERM");
    await until(() => server.said().includes("Shutting down"), "the server has begun to end");
    // Closer together, two are one: a terminal and the launcher send the same signal.
    await sleep(600);
    process.kill(pid, "SIGTERM");
    assert.deepEqual(await server.ended, { code: 0, signal: null });
    for (const answer of await Promise.all(running)) {
      assert.notEqual(answer.body?.stdout?.trim(), "done");
      // The program has run in part: the answer does not invite to send the request again.
      const isEnded = answer.status === 500 && answer.body.code === "ISOL8_STOPPED";
      assert.ok(answer instanceof Error || isEnded, JSON.stringify(answer));
    }
  } finally {
    await server.stop();
  }
});
