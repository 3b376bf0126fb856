// Clients that keep a server busy, and clients that misbehave.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { connect } from "node:net";

/** The options of all programs here: nothing is installed, and a sandbox starts quickly. */
const OPTIONS = { installNetwork: false };

/** Sends JSON. Returns status and JSON of the answer. */
export async function ask(server, key, path, body, signal) {
  const response = await fetch(`${server.host}${path}`, {
    method: body === undefined ? "GET" : "POST",
    headers: { authorization: `Bearer ${key}` },
    body: body === undefined ? undefined : JSON.stringify(body),
    signal,
  });
  return { status: response.status, body: await response.json() };
}

/** Runs a program in Bash on a server. */
export function execute(server, key, code, more = {}, signal = undefined) {
  const body = { request: { runtime: "bash", code }, options: OPTIONS, ...more };
  return ask(server, key, "/execute", body, signal);
}

/** Streams a program in Bash. Returns its status and the text of its events. */
async function stream(server, key, code) {
  const body = { request: { runtime: "bash", code }, options: OPTIONS };
  const response = await fetch(`${server.host}/execute/stream`, {
    method: "POST",
    headers: { authorization: `Bearer ${key}` },
    body: JSON.stringify(body),
  });
  return { status: response.status, text: await response.text() };
}

/**
 * Keeps a server busy with `clients` clients until `goesOn()` is false: calls, streams, and calls in sessions. Each checks
 * that what it gets is its own. Returns how many calls have succeeded, how many were refused with 429, and the ids of the
 * containers that ran them.
 */
export async function load(server, key, clients, goesOn) {
  const counts = { succeeded: 0, refused: 0, containers: new Set() };
  const one = async (client) => {
    for (let turn = 0; goesOn(); turn += 1) {
      const mark = `mark-${client}-${turn}`;
      const kind = (client + turn) % 8;
      if (kind === 7) {
        const { status, text } = await stream(server, key, `echo ${mark}`);
        if (status === 429) counts.refused += 1;
        else {
          assert.equal(status, 200, text);
          assert.ok(text.includes(mark) && text.includes('"type":"exit","data":"0"'), text);
          counts.succeeded += 1;
        }
        continue;
      }
      const more = kind === 6 && client < 8 ? { sessionId: `session-${client}` } : {};
      const { status, body } = await execute(server, key, `echo ${mark}`, more);
      if (status === 429) counts.refused += 1;
      else {
        assert.equal(status, 200, JSON.stringify(body));
        assert.equal(body.stdout.trim(), mark);
        counts.containers.add(body.containerId);
        counts.succeeded += 1;
      }
    }
  };
  await Promise.all(Array.from({ length: clients }, (_, client) => one(client)));
  return counts;
}

/** The number of open descriptors of a process. */
export function descriptorsOf(pid) {
  return readdirSync(`/proc/${pid}/fd`).length;
}

/** The resident memory of a process in MiB. */
export function memoryOf(pid) {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)[1]) / 1024;
}

/** The processor time of a process so far, in ticks of 10 ms. */
export function ticksOf(pid) {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  // The 14th and 15th field of proc(5). The name, in brackets, is the second one.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return Number(fields[11]) + Number(fields[12]);
}

/** Opens a connection and sends `text`. Returns the socket, once the server has answered with `answer`, if it shall. */
export async function talk(server, text, answer = undefined) {
  const { hostname, port } = new URL(server.host);
  const socket = connect(Number(port), hostname);
  socket.on("error", () => {});
  await new Promise((resolve, reject) => {
    let said = "";
    socket.on("close", () => reject(new Error(`the connection was closed: ${said}`)));
    socket.on("connect", () => {
      socket.write(text);
      if (answer === undefined) resolve();
    });
    if (answer === undefined) return;
    socket.on("data", (data) => {
      said += data;
      if (said.includes(answer)) resolve();
    });
  });
  return socket;
}

/** The head of a request to `path`. */
export function head(method, path, key, more = "") {
  return `${method} ${path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${key}\r\n${more}`;
}

/** What makes a WebSocket of a request. */
export const UPGRADE =
  "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n" +
  "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
