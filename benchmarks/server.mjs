// Server: what HTTP and WebSocket cost beyond the same call in this process, and the memory of requests that wait.

import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { figure, notMeasured } from "./lib/figures.mjs";
import { DockerIsol8, RemoteIsol8 } from "./lib/package.mjs";
import { check, PROGRAMS } from "./lib/programs.mjs";
import { execute, KEY, serve } from "./lib/served.mjs";
import { median, sleep, timed } from "./lib/stats.mjs";
import { BLOCK, thinking } from "./lib/thinking.mjs";

export const name = "server";
export const title = "Server: on this machine, against the same calls in this process";

const CONCURRENCY = 8;

/** Calls in one batch of throughput. */
const BATCH = 48;

/** Requests that wait at a time. */
const WAITING = 1000;

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
    return [...figures, await waiting(log)];
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

/** A connection whose request waits for its turn. */
async function waitingRequest({ port }) {
  const body = '{"request":{"runtime":"bash","code":"true"}}';
  const socket = connect(port, "127.0.0.1");
  await new Promise((resolve, reject) => socket.once("connect", resolve).once("error", reject));
  socket.on("error", () => {});
  socket.write(
    `POST /execute HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${KEY}\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
  );
  return socket;
}

async function pending(server, count) {
  const headers = { authorization: `Bearer ${KEY}` };
  for (let patience = 3000; patience > 0; patience -= 1) {
    const response = await fetch(`${server.host}/queue/status`, { headers });
    if ((await response.json()).pending === count) return;
    await sleep(20);
  }
  throw new Error(`never: ${count} requests wait`);
}

/** The memory of a request that waits while the only turn is taken. */
async function waiting(log) {
  const what = `memory of a request that waits, ${WAITING} of them`;
  if (process.platform !== "linux") return notMeasured(what, "it is read from /proc");
  log("requests that wait");
  const server = await serve({ maxConcurrent: 1, queue: { timeoutMs: 600_000 } });
  const sockets = [];
  const wait = async (count) => {
    for (let number = 0; number < count; number += 1) sockets.push(await waitingRequest(server));
  };
  try {
    const busy = { runtime: "bash", code: "sleep 600", timeoutMs: 600_000 };
    const running = execute(server, busy).catch(() => {});
    // What the first ones need once, such as threads, is there before.
    await wait(50);
    await pending(server, 50);
    const before = resident(server.program());
    await wait(WAITING);
    await pending(server, WAITING + 50);
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
