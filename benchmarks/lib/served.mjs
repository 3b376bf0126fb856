// The server under test, and raw requests to it.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { LAUNCHER } from "./package.mjs";

/** The key of every server here. */
export const KEY = "benchmark";

/** Returns a port that was free a moment ago. */
async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  return port;
}

/** Starts `isol8 serve` with this configuration. Returns its address, the process that serves, and `stop`. */
export async function serve(config) {
  const folder = mkdtempSync(join(tmpdir(), "isol8-benchmark-"));
  writeFileSync(join(folder, "isol8.config.json"), JSON.stringify(config));
  const port = await freePort();
  const words = ["serve", "--keep-images", "--hostname", "127.0.0.1", "--port", String(port)];
  const child = spawn(process.execPath, [LAUNCHER, ...words, "--key", KEY], {
    cwd: folder,
    env: { ...process.env, HOME: folder },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = once(child, "close");
  const stop = async () => {
    child.kill("SIGTERM");
    await ended;
    rmSync(folder, { recursive: true, force: true });
  };
  const listening = (async () => {
    for await (const line of createInterface({ input: child.stdout })) {
      if (line.includes(" listening on ")) return true;
    }
    return false;
  })();
  if (!(await Promise.race([listening, ended.then(() => false)]))) {
    await stop();
    throw new Error("the server has ended before it served");
  }
  child.stdout.resume();
  const children = () => readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, "utf8");
  return {
    host: `http://127.0.0.1:${port}`,
    port,
    program: () => Number.parseInt(children(), 10),
    stop,
  };
}

/** Opens a connection to a server. */
export async function connected({ port }) {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  await once(socket, "connect");
  // Its end is what matters.
  return socket.on("error", () => {});
}

/** The head of a request that has the key. */
export const head = (line, more) =>
  `${line} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${KEY}\r\n${more}\r\n\r\n`;

/** The first answer in what was received; undefined when there is more to come. */
function answerIn(received) {
  const end = received.indexOf("\r\n\r\n");
  if (end < 0) return undefined;
  const lines = received.latin1Slice(0, end);
  const length = Number(/^content-length: (\d+)$/im.exec(lines)[1]);
  const body = received.subarray(end + 4);
  return body.length < length ? undefined : { status: lines.slice(9, 12), text: String(body) };
}

function exchange(socket, text) {
  return new Promise((resolve, reject) => {
    let received = Buffer.alloc(0);
    const closed = () => reject(new Error("the server has closed the connection"));
    const read = (data) => {
      received = received.length === 0 ? data : Buffer.concat([received, data]);
      const answer = answerIn(received);
      if (answer === undefined) return;
      socket.off("data", read).off("close", closed);
      resolve(answer);
    };
    socket.on("data", read).on("close", closed).write(text);
  });
}

/** Connections that are open and idle, by port. */
const idle = new Map();

/**
 * Runs a request on a server, over a connection that is open already where there is one. Returns the result. The bytes are
 * written and read here: the HTTP client of Node would take as much of the processors as the server, which has to share them.
 */
export async function execute(server, body) {
  if (!idle.has(server.port)) idle.set(server.port, []);
  const kept = idle.get(server.port);
  const socket = kept.pop() ?? (await connected(server));
  const text = JSON.stringify({ request: body });
  const length = `content-length: ${Buffer.byteLength(text)}`;
  const answer = await exchange(socket, head("POST /execute", length) + text);
  kept.push(socket);
  if (answer.status !== "200") throw new Error(`${answer.status}: ${answer.text}`);
  return JSON.parse(answer.text);
}
