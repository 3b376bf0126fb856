// Filtered network: start, first response, requests per second and download, each against the same program on the
// host without a proxy. The server runs on this machine, and no traffic leaves it.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { figure } from "./lib/figures.mjs";
import { DockerIsol8 } from "./lib/package.mjs";
import { median, sleep, timed } from "./lib/stats.mjs";

export const name = "network";
export const title = "Filtered network";

const HOST = "bench.test";
const GIB = 2 ** 30;

/** Pause before each start, in milliseconds. The next interpreter is parked by then. */
const THINK = 200;

/** Answers with the number of bytes that the path names. */
const SERVER = `
import http from "node:http";
import { parentPort } from "node:worker_threads";
const chunk = Buffer.alloc(1 << 18, "x");
const server = http.createServer(async (request, response) => {
  let left = Number(request.url.slice(1));
  response.setHeader("content-length", left);
  while (left > 0) {
    const part = chunk.subarray(0, Math.min(left, chunk.length));
    left -= part.length;
    if (!response.write(part)) await new Promise((go) => response.once("drain", go));
  }
  response.end();
});
server.keepAliveTimeout = 60000;
server.listen(0, "127.0.0.1", () => parentPort.postMessage(server.address().port));`;

/** Sends requests on \`connections\` keep-alive connections for \`seconds\`. Prints requests per second. */
const LOAD = `
const net = require("node:net");
let done = 0;
const until = Date.now() + seconds * 1000;
const one = () => new Promise((end, fail) => {
  const socket = net.connect(port, address);
  const ask = () => socket.write(\`GET \${base}/10 HTTP/1.1\\r\\nHost: \${host}\\r\\n\\r\\n\`);
  let text = "";
  socket.setNoDelay().on("connect", ask).on("error", fail).on("data", (data) => {
    text += data.toString("latin1");
    if (!text.endsWith("xxxxxxxxxx")) return;
    if (!text.startsWith("HTTP/1.1 200")) return fail(new Error(text));
    text = "";
    done += 1;
    if (Date.now() < until) ask();
    else { socket.destroy(); end(); }
  });
});
const since = performance.now();
Promise.all(Array.from({ length: connections }, one)).then(
  () => console.log(done / ((performance.now() - since) / 1000)));`;

/** Downloads \`bytes\`. Prints bytes per second. */
const DOWNLOAD = `
const net = require("node:net");
let got = 0;
const since = performance.now();
const socket = net.connect(port, address, () =>
  socket.write(\`GET \${base}/\${bytes} HTTP/1.1\\r\\nHost: \${host}\\r\\n\\r\\n\`));
socket.on("data", (data) => {
  got += data.length;
  if (got < bytes) return;
  console.log(got / ((performance.now() - since) / 1000));
  socket.destroy();
});`;

const FETCH = "fetch(base + '/10').then((r) => r.text()).then((text) => console.log(text));";

const program = (code, values) => {
  const declared = Object.entries(values).map(
    ([key, value]) => `const ${key} = ${JSON.stringify(value)};`,
  );
  return declared.join("\n") + code;
};

/** Returns the first output of a program in a Node process on the host. */
async function onHost(code) {
  const child = spawn(process.execPath, ["-e", code], { stdio: ["ignore", "pipe", "inherit"] });
  const [text] = await once(child.stdout, "data");
  child.kill();
  return text.toString();
}

/** Returns the first output of a program in a sandbox. */
async function inSandbox(engine, code) {
  let text = "";
  for await (const { type, data } of engine.executeStream({ runtime: "node", code })) {
    if (type === "stdout") text += data;
    if (type === "stderr" || type === "error") throw new Error(data);
    if (text.endsWith("\n")) return text;
  }
  throw new Error("no output");
}

/** Measures milliseconds until a program in a sandbox prints. The program then runs to its end. */
async function untilOutput(engine, code) {
  const since = performance.now();
  let first;
  for await (const { type, data } of engine.executeStream({ runtime: "node", code })) {
    if (type === "stdout") first ??= performance.now() - since;
    if (type === "stderr" || type === "error") throw new Error(data);
  }
  if (first === undefined) throw new Error("no output");
  return first;
}

async function checked(engine, code) {
  const { stdout, stderr, exitCode } = await engine.execute({ runtime: "node", code });
  if (exitCode !== 0) throw new Error(stderr);
  return stdout;
}

export async function run({ rounds, log }) {
  const worker = new Worker(SERVER, { eval: true });
  const [port] = await once(worker, "message");
  const options = { memoryLimit: "1g", cpuLimit: 2, timeoutMs: 120_000, pidsLimit: 200 };
  const filtered = new DockerIsol8({
    ...options,
    network: "filtered",
    networkFilter: {
      whitelist: [`^${HOST}$`],
      hosts: { [HOST]: "127.0.0.1" },
      allowLoopback: ["127.0.0.1"],
    },
  });
  const plain = new DockerIsol8(options);
  const target = `http://${HOST}:${port}`;
  const proxied = { address: "127.0.0.1", port: 8118, host: `${HOST}:${port}`, base: target };
  const direct = { address: "127.0.0.1", port, host: HOST, base: "" };
  const figures = [];
  try {
    await checked(filtered, "console.log(1)");
    await checked(plain, "console.log(1)");

    log("start");
    const starts = { filtered: [], plain: [] };
    const whole = { filtered: [], plain: [] };
    for (let round = 0; round < rounds(30, 8); round += 1) {
      for (const [kind, engine] of [
        ["filtered", filtered],
        ["plain", plain],
      ]) {
        await sleep(THINK);
        starts[kind].push(await untilOutput(engine, "console.log(1)"));
        await sleep(THINK);
        whole[kind].push(await timed(() => checked(engine, "console.log(1)")));
      }
    }
    figures.push(
      figure({
        name: "start to first output, filtered",
        value: median(starts.filtered),
        unit: "ms",
        against: { name: "unfiltered", value: median(starts.plain) },
        target: { most: 1.2 },
      }),
      figure({
        name: "whole execution, filtered",
        value: median(whole.filtered),
        unit: "ms",
        against: { name: "unfiltered", value: median(whole.plain) },
        target: { most: 1.2 },
      }),
    );

    log("first response");
    const first = { sandbox: [], host: [] };
    for (let round = 0; round < rounds(20, 5); round += 1) {
      const there = program(FETCH, { base: target });
      const here = program(FETCH, { base: `http://127.0.0.1:${port}` });
      await sleep(THINK);
      first.sandbox.push(await timed(() => inSandbox(filtered, there)));
      first.host.push(await timed(() => onHost(here)));
    }
    figures.push(
      figure({
        name: "execute to first response",
        value: median(first.sandbox),
        unit: "ms",
        against: { name: "node on the host", value: median(first.host) },
      }),
    );

    for (const connections of [1, 32, 256]) {
      log(`${connections} connections`);
      const values = { connections, seconds: rounds(5, 2) };
      const there = await checked(filtered, program(LOAD, { ...values, ...proxied }));
      const here = await onHost(program(LOAD, { ...values, ...direct }));
      figures.push(
        figure({
          name: `requests, ${connections} connection${connections === 1 ? "" : "s"}`,
          value: Number(there),
          unit: "/s",
          against: { name: "host, no proxy", value: Number(here) },
        }),
      );
    }

    log("download");
    const bytes = { bytes: GIB };
    const there = await checked(filtered, program(DOWNLOAD, { ...bytes, ...proxied }));
    const here = await onHost(program(DOWNLOAD, { ...bytes, ...direct }));
    figures.push(
      figure({
        name: "download of 1 GiB",
        value: Number(there) / 1e6,
        unit: "MB/s",
        against: { name: "host, no proxy", value: Number(here) / 1e6 },
      }),
    );
  } finally {
    await Promise.all([filtered.stop(), plain.stop(), worker.terminate()]);
  }
  return figures;
}
