// A server with many clients, and with clients that misbehave.

import assert from "node:assert/strict";
import { isGone } from "./helpers/backend.mjs";
import { sleep, test, until } from "./helpers/harness.mjs";
import {
  ask,
  descriptorsOf,
  execute,
  head,
  load,
  memoryOf,
  talk,
  ticksOf,
  UPGRADE,
} from "./helpers/load.mjs";
import { serve } from "./helpers/served.mjs";

const KEY = "master-key";

/** How long the clients go on. */
const SECONDS = Number(process.env.ISOL8_LOAD_SECONDS ?? 20);

/** Clients at a time. */
const CLIENTS = 64;

/** What the server may have more after the load than before, and beside a thousand WebSockets, in MiB and in descriptors. */
const MORE = { memory: 32, descriptors: 16 };

/** How many times as long a call may take beside clients that misbehave as without them. */
const SLOWER = 3;

/** Most comparisons. The times are short, so other work of the machine changes one of them easily. */
const COMPARISONS = 5;

/** Both need Linux's `/proc`. The server is the same under Bun. */
const options = {
  timeout: 600_000,
  skip: process.platform !== "linux" || Boolean(process.versions.bun),
};

/** Runs clients for some seconds. */
function loadFor(server, seconds) {
  const end = Date.now() + seconds * 1000;
  return load(server, KEY, CLIENTS, () => Date.now() < end);
}

test("many clients get their own answers, and nothing is left of them", options, async () => {
  const server = await serve(KEY, { config: { queue: { timeoutMs: 600_000 } } });
  const containers = new Set();
  try {
    const pid = server.program();
    const rest = async () => {
      const { body } = await ask(server, KEY, "/sessions");
      for (const { id } of body.sessions) {
        await fetch(`${server.host}/session/${id}`, {
          method: "DELETE",
          headers: { authorization: `Bearer ${KEY}` },
        });
      }
      await until(async () => {
        const { body } = await ask(server, KEY, "/capacity");
        return body.available === body.maxConcurrent && body.pending === 0 && body.sessions === 0;
      }, "nothing runs");
    };
    // Pools are filled and the allocator has grown before anything is measured.
    for (const id of (await loadFor(server, SECONDS / 3)).containers) containers.add(id);
    await rest();
    const before = { memory: memoryOf(pid), descriptors: descriptorsOf(pid) };
    const counts = await loadFor(server, (SECONDS * 2) / 3);
    for (const id of counts.containers) containers.add(id);
    assert.ok(counts.succeeded > CLIENTS, JSON.stringify(counts));
    await rest();
    await until(
      () => descriptorsOf(pid) <= before.descriptors + MORE.descriptors,
      () => `descriptors are closed: ${before.descriptors} before, ${descriptorsOf(pid)} now`,
    );
    const memory = memoryOf(pid);
    assert.ok(
      memory <= before.memory + MORE.memory,
      `${before.memory} MiB before, ${memory} MiB after ${counts.succeeded} calls`,
    );
  } finally {
    await server.stop();
  }
  assert.ok(containers.size > 0);
  for (const id of containers) await until(() => isGone(id), `${id} is gone`);
});

/** The median time of some calls in milliseconds. */
async function timeOfCalls(server) {
  const times = [];
  for (let call = 0; call < 11; call += 1) {
    const since = performance.now();
    const { status, body } = await execute(server, KEY, "echo hello");
    assert.equal(status, 200, JSON.stringify(body));
    times.push(performance.now() - since);
  }
  return times.sort((one, other) => one - other)[5];
}

/** Clients that misbehave, each with what it needs to end again. */
const MISBEHAVING = {
  "send the heads of their requests slowly": async (server, keep) => {
    for (let client = 0; client < 200; client += 1) {
      keep(await talk(server, "GET /health HTTP/1.1\r\nhost: x\r\nx-"));
    }
  },
  "send a gigabyte": async (server, keep) => {
    const length = `content-length: ${2 ** 30}\r\n\r\n`;
    for (let client = 0; client < 10; client += 1) {
      keep(await talk(server, head("POST", "/execute", KEY, length), "413 Payload Too Large"));
    }
    // One that does not say how much it sends.
    const chunked = "transfer-encoding: chunked\r\n\r\n";
    const socket = keep(await talk(server, head("POST", "/execute", KEY, chunked)));
    socket.setMaxListeners(0);
    const piece = Buffer.from(`${(2 ** 20).toString(16)}\r\n${" ".repeat(2 ** 20)}\r\n`);
    let said = "";
    socket.on("data", (data) => {
      said += data;
    });
    for (let sent = 0; sent < 1024 && !said.includes("413") && !socket.destroyed; sent += 1) {
      if (!socket.write(piece)) await Promise.race([sleep(100), drained(socket)]);
    }
    assert.match(said, /^HTTP\/1.1 413 /);
  },
  "open a thousand WebSockets and say nothing": async (server, keep) => {
    const before = memoryOf(server.program());
    for (let group = 0; group < 50; group += 1) {
      const opened = Array.from({ length: 20 }, () =>
        talk(server, head("GET", "/execute/ws", KEY, UPGRADE), "101 Switching Protocols"),
      );
      for (const socket of await Promise.all(opened)) keep(socket);
    }
    const memory = memoryOf(server.program());
    assert.ok(memory <= before + MORE.memory, `${before} MiB before, ${memory} MiB with them`);
  },
  "never read": async (server, keep) => {
    const code = "while :; do printf '%01000d' 0; done";
    const body = JSON.stringify({ request: { runtime: "bash", code, timeoutMs: 120_000 } });
    const request = head("POST", "/execute/stream", KEY, `content-length: ${body.length}\r\n\r\n`);
    for (let client = 0; client < 4; client += 1) {
      keep(await talk(server, request + body, "200 OK")).pause();
    }
    // Four programs at work would slow others down by themselves. They come to rest when all buffers are full.
    const ticks = () => ticksOf(server.program());
    await until(async () => {
      const before = ticks();
      await sleep(200);
      return ticks() === before;
    }, "nobody takes more of the output");
  },
};

/** How many times as long a call takes beside these clients as just before they come. */
async function ratioBeside(server, misbehave) {
  const sockets = [];
  const keep = (socket) => {
    sockets.push(socket);
    return socket;
  };
  const usual = await timeOfCalls(server);
  let beside;
  try {
    await misbehave(server, keep);
    beside = await timeOfCalls(server);
  } finally {
    for (const socket of sockets) socket.destroy();
  }
  await until(async () => {
    const { body } = await ask(server, KEY, "/queue/status");
    return body.available === body.maxConcurrent;
  }, "nothing runs any more");
  return beside / usual;
}

function drained(socket) {
  return new Promise((resolve) => {
    socket.once("drain", resolve);
    socket.once("close", resolve);
  });
}

test("clients that misbehave keep no other client from being served", options, async () => {
  const server = await serve(KEY);
  try {
    await timeOfCalls(server);
    for (const [what, misbehave] of Object.entries(MISBEHAVING)) {
      const ratios = [];
      const slower = () => ratios.filter((ratio) => ratio > SLOWER).length;
      // One that says so is enough where none says otherwise. A server that is slowed down is so each time.
      while (ratios.length < COMPARISONS && 2 * slower() >= ratios.length) {
        ratios.push(await ratioBeside(server, misbehave));
      }
      assert.ok(
        2 * slower() < ratios.length,
        `beside clients that ${what}: ${ratios} times as long`,
      );
    }
  } finally {
    await server.stop();
  }
});
