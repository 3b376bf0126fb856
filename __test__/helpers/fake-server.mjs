// A fake server on loopback for the remote client, which answers in the documented format.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { eventsOf, sleep } from "./harness.mjs";

/** The key that the clients send. */
export const KEY = "k-1";

/** The last event of a program that has succeeded. */
export const EXIT = { type: "exit", data: "0", phase: "code" };

/** A request. No program runs. */
export const request = { runtime: "bash", code: "x" };

/** Serves `answers` ("METHOD /path" → function) while `use` runs, and records the requests. */
export async function withServer(answers, use) {
  const asked = [];
  const server = createServer(async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const text = Buffer.concat(chunks).toString();
    const url = new URL(request.url, "http://localhost");
    const body = text ? JSON.parse(text) : undefined;
    const entry = { what: `${request.method} ${url.pathname}`, body, url };
    entry.key = request.headers.authorization;
    asked.push(entry);
    const answer = answers[entry.what];
    if (answer) await answer(response, entry);
    else response.writeHead(404).end();
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    await use(`http://127.0.0.1:${server.address().port}`, asked);
  } finally {
    server.closeAllConnections?.();
    await new Promise((resolve) => server.close(resolve));
  }
}

/** Answers with a status and JSON. */
export const json = (status, value) => (response) => {
  response.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify(value));
};

/** Answers with the parts of an event stream, a moment apart. */
export const sse =
  (...parts) =>
  async (response) => {
    response.writeHead(200, { "Content-Type": "text/event-stream" });
    for (const part of parts) {
      response.write(part);
      await sleep(20);
    }
    response.end();
  };

/** An event as a server sends it. */
export const event = (value) => `data: ${JSON.stringify(value)}\n\n`;

/** Leaves the loop over an endless stream of `a`, and aborts a second one. */
export async function leaveAndAbort(engine) {
  for await (const { data } of engine.executeStream(request)) {
    if (data === "a") break;
  }
  const abort = new AbortController();
  const running = eventsOf(engine, request, { signal: abort.signal });
  setTimeout(() => abort.abort(new Error("enough")), 100);
  await assert.rejects(running, { message: "enough" });
}
