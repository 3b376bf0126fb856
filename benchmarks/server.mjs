// Server: what HTTP and WebSocket cost beyond the same call in this process, and the memory of requests that wait.

import { once } from "node:events";
import { readFileSync } from "node:fs";
import { figure, notMeasured } from "./lib/figures.mjs";
import { DockerIsol8, RemoteIsol8 } from "./lib/package.mjs";
import { check, PROGRAMS } from "./lib/programs.mjs";
import { connected, execute, head, KEY, serve } from "./lib/served.mjs";
import { median, sleep, timed } from "./lib/stats.mjs";
import { BLOCK, thinking } from "./lib/thinking.mjs";

export const name = "server";
export const title = "Server: on this machine, against the same calls in this process";

const CONCURRENCY = 8;

/** Calls in one batch of throughput. */
const BATCH = 48;

/** Requests that wait before the memory of more is measured. What the first ones need once, such as threads, is there then. */
const FIRST = 500;

/** Requests that wait beside them. The server serves 4096 connections. */
const WAITING = 3000;

export async function run({ runtimes, rounds, log }) {
  const runtime = runtimes.includes("bash") ? "bash" : runtimes[0];
  const program = { runtime, code: PROGRAMS[runtime].code };
  const server = await serve({ maxConcurrent: CONCURRENCY, queue: { timeoutMs: 600_000 } });
  const engine = new DockerIsol8({}, CONCURRENCY);
  try {
    await engine.start({ prewarm: { runtimes: [runtime] } });
    log("requests");
    const figures = [await requests(server, engine, program, rounds(6, 2))];
    log("throughput");
    figures.push(await throughput(server, engine, program, rounds(6, 2)));
    log("sessions");
    figures.push(await sessions(server, program, rounds(6, 2)));
    if (process.platform !== "linux") {
      return [...figures, notMeasured("memory of a request that waits", "it is read from /proc")];
    }
    for (const way of Object.keys(WAYS)) figures.push(await waiting(way, log));
    return figures;
  } finally {
    await engine.stop();
    await server.stop();
  }
}

async function requests(server, engine, program, rounds) {
  const local = () => timed(async () => check(await engine.execute(program)));
  const remote = () => timed(async () => check(await execute(server, program)));
  const samples = await inTurns(local, remote, rounds);
  return difference("warm request over HTTP, more than in process, p50", program, samples, 1);
}

async function sessions(server, program, rounds) {
  const engine = new DockerIsol8({ mode: "persistent" });
  const client = new RemoteIsol8({ host: server.host, apiKey: KEY, sessionId: "benchmark" });
  const streamed = (of) => async () => {
    let stdout = "";
    for await (const { type, data } of of.executeStream(program)) {
      if (type === "stdout") stdout += data;
      else if (type === "exit") check({ exitCode: Number(data), stdout: stdout.trim() });
    }
  };
  try {
    const [local, remote] = [engine, client].map(streamed);
    const samples = await inTurns(
      () => timed(local),
      () => timed(remote),
      rounds,
    );
    const what = "call of a session over WebSocket, more than in process, p50";
    return difference(what, program, samples, 1.5);
  } finally {
    await client.stop();
    await engine.stop();
  }
}

/** The times of both ways, in blocks in turns. */
async function inTurns(local, remote, rounds) {
  const samples = { local: [], remote: [] };
  for (const way of [local, remote]) await thinking(way, 2);
  for (let round = 0; round < rounds; round += 1) {
    samples.local.push(...(await thinking(local, BLOCK)));
    samples.remote.push(...(await thinking(remote, BLOCK)));
  }
  return samples;
}

function difference(what, { runtime }, { local, remote }, most) {
  const value = median(remote) - median(local);
  return figure({ name: what, runtime, value, unit: "ms", target: { most } });
}

async function throughput(server, engine, program, rounds) {
  const batch = (call) => timed(() => Promise.all(Array.from({ length: BATCH }, call)));
  const local = () => batch(async () => check(await engine.execute(program)));
  const remote = () => batch(async () => check(await execute(server, program)));
  const perSecond = { local: [], remote: [] };
  for (const way of [local, remote]) await way();
  for (let round = 0; round < rounds; round += 1) {
    await sleep(200);
    perSecond.local.push((BATCH / (await local())) * 1000);
    await sleep(200);
    perSecond.remote.push((BATCH / (await remote())) * 1000);
  }
  return figure({
    name: `requests per second, concurrency ${CONCURRENCY}`,
    runtime: program.runtime,
    value: median(perSecond.remote),
    unit: "/s",
    against: { name: "in process", value: median(perSecond.local) },
    target: { least: 0.85 },
  });
}

/** Resident memory of a process in KiB. */
function resident(pid) {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))[1]);
}

const REQUEST = '{"request":{"runtime":"bash","code":"true"}}';

const posted = (path) => async (server) => {
  const socket = await connected(server);
  socket.write(head(`POST ${path}`, `content-length: ${REQUEST.length}`) + REQUEST);
  return socket;
};

/** Connections whose request waits for its turn, by what carries it. */
const WAYS = {
  HTTP: posted("/execute"),
  "server-sent events": posted("/execute/stream"),
  async WebSocket(server) {
    const socket = await connected(server);
    const upgrade =
      "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n" +
      "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==";
    socket.write(head("GET /execute/ws", upgrade));
    await once(socket, "data");
    const message = REQUEST.replace("{", '{"type":"execute",');
    // The head of a text of less than 126 bytes, with a mask that changes nothing.
    const frame = Buffer.from([0x81, 0x80 | message.length, 0, 0, 0, 0]);
    socket.write(Buffer.concat([frame, Buffer.from(message)]));
    return socket;
  },
};

/** Waits until this many requests wait, and the only turn is taken. */
async function pending(server, count) {
  const headers = { authorization: `Bearer ${KEY}` };
  for (let patience = 3000; patience > 0; patience -= 1) {
    const response = await fetch(`${server.host}/queue/status`, { headers });
    const queue = await response.json();
    if (queue.available === 0 && queue.pending === count) return;
    await sleep(20);
  }
  throw new Error(`never: ${count} requests wait`);
}

/** The memory of a request that waits while the only turn is taken. */
async function waiting(way, log) {
  const what = `memory of a request that waits, ${WAITING} of them, ${way}`;
  log(`requests that wait, ${way}`);
  const server = await serve({ maxConcurrent: 1, queue: { timeoutMs: 600_000 } });
  const sockets = [];
  const wait = async (count) => {
    for (let number = 0; number < count; number += 1) sockets.push(await WAYS[way](server));
  };
  try {
    const busy = { runtime: "bash", code: "sleep 600", timeoutMs: 600_000 };
    const running = execute(server, busy).catch(() => {});
    await pending(server, 0);
    await wait(FIRST);
    await pending(server, FIRST);
    const before = resident(server.program());
    await wait(WAITING);
    await pending(server, FIRST + WAITING);
    const value = (resident(server.program()) - before) / WAITING;
    for (const socket of sockets) socket.destroy();
    process.kill(server.program(), "SIGTERM");
    await sleep(600);
    process.kill(server.program(), "SIGTERM");
    await running;
    return figure({ name: what, value, unit: "KiB", target: { most: 24 } });
  } finally {
    for (const socket of sockets) socket.destroy();
    await server.stop();
  }
}
