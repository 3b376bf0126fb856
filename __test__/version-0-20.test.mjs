// Both clients against a server that speaks the wire format of version 0.20 and nothing else: errors without a code, events
// without a result, a missing file as a plain-text 500. The server is scripted: it runs no program.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { WebSocketServer } from "ws";
import { testClients } from "./helpers/clients.mjs";
import { eventsOf, textOf } from "./helpers/harness.mjs";
import "./helpers/websocket.mjs";

const KEY = "master";

/** What a request, options and a message of 0.20 may have. */
const KNOWN = ["runtime", "code", "files", "setupScript", "stdin", "outputPaths", "env"];

const RESULT = {
  stdout: "42",
  stderr: "",
  exitCode: 0,
  durationMs: 7,
  truncated: false,
  executionId: "0b6a4bd4-5a5b-4a34-9f43-0a5a9d0b7a10",
  runtime: "python",
  timestamp: "2026-01-01T00:00:00.000Z",
  containerId: "0123456789ab",
  files: { "/sandbox/a": "YQ==" },
  resourceUsage: { cpuPercent: 1, memoryMB: 2, networkBytesIn: 0, networkBytesOut: 0 },
};

/** The events of a request. The engine's error is one event without a phase, and the end. */
function eventsFor({ request }) {
  if (request.runtime === "ruby") return [{ type: "error", data: 'Unknown runtime: "ruby".' }];
  const setup = request.setupScript
    ? [
        { type: "stdout", data: "prepared\n", phase: "setup" },
        { type: "exit", data: "0", phase: "setup" },
      ]
    : [];
  return [
    ...setup,
    { type: "stdout", data: "42\n", phase: "code" },
    { type: "stderr", data: "é", phase: "code" },
    { type: "exit", data: "3", phase: "code" },
  ];
}

/** Runs `use` with the address of a server of version 0.20, and with what it was sent. */
async function withServer({ webSocket }, use) {
  const seen = { bodies: [], deleted: [] };
  const files = new Map();
  const json = (response, status, value) =>
    response.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify(value));
  const sessions = new Map();
  const run = (body) => {
    seen.bodies.push(body);
    for (const name of Object.keys(body.request)) assert.ok(KNOWN.includes(name), name);
    if (body.sessionId) sessions.set(body.sessionId, "2026-01-01T00:00:00.000Z");
  };
  const routes = {
    "GET /health": (response) => json(response, 200, { status: "ok", version: "0.20.0" }),
    "POST /execute": (response, body) => {
      run(body);
      if (body.request.runtime === "ruby") {
        return json(response, 500, { error: 'Unknown runtime: "ruby".' });
      }
      return json(response, 200, RESULT);
    },
    "POST /execute/stream": (response, body) => {
      run(body);
      response.writeHead(200, { "Content-Type": "text/event-stream" });
      for (const event of eventsFor(body)) response.write(`data: ${JSON.stringify(event)}\n\n`);
      response.end();
    },
    "POST /file": (response, { sessionId, path, content }) => {
      if (!sessions.has(sessionId)) return json(response, 404, { error: "Session not found" });
      files.set(path, content);
      return json(response, 200, { ok: true });
    },
    "GET /file": (response, _body, query) => {
      const content = files.get(query.get("path"));
      if (!sessions.has(query.get("sessionId"))) {
        return json(response, 404, { error: "Session not found" });
      }
      if (content === undefined) return response.writeHead(500).end("Internal Server Error");
      return json(response, 200, { content });
    },
    "GET /sessions": (response) => {
      const list = [...sessions].map(([id, lastAccessedAt]) => ({
        id,
        isActive: false,
        lastAccessedAt,
      }));
      json(response, 200, { sessions: list });
    },
  };
  const server = createServer(async (request, response) => {
    const url = new URL(request.url, "http://localhost");
    const key = request.headers.authorization;
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    if (url.pathname !== "/health") {
      if (!key) return json(response, 401, { error: "Missing Authorization header" });
      if (key !== `Bearer ${KEY}`) return json(response, 403, { error: "Invalid API key" });
    }
    if (request.method === "DELETE" && url.pathname.startsWith("/session/")) {
      const id = decodeURIComponent(url.pathname.slice("/session/".length));
      seen.deleted.push(id);
      sessions.delete(id);
      return json(response, 200, { ok: true });
    }
    const route = routes[`${request.method} ${url.pathname}`];
    if (!route) return response.writeHead(404).end("404 Not Found");
    const text = Buffer.concat(chunks).toString();
    return route(response, text && JSON.parse(text), url.searchParams);
  });
  if (webSocket) {
    const sockets = new WebSocketServer({ server, path: "/execute/ws" });
    sockets.on("connection", (socket, { headers }) => {
      assert.equal(headers.authorization, `Bearer ${KEY}`);
      socket.on("message", (data) => {
        const { type, ...body } = JSON.parse(data);
        assert.equal(type, "execute");
        run(body);
        for (const event of eventsFor(body)) socket.send(JSON.stringify(event));
        socket.close(1000, "Execution complete");
      });
    });
  }
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    await use(`http://127.0.0.1:${server.address().port}`, seen);
  } finally {
    server.closeAllConnections?.();
    await new Promise((resolve) => server.close(resolve));
  }
}

for (const webSocket of [true, false]) {
  const transport = webSocket ? "WebSocket" : "SSE";
  testClients(`0.20: events arrive over ${transport}, without a result`, async (RemoteIsol8) => {
    await withServer({ webSocket }, async (host, { bodies }) => {
      const engine = new RemoteIsol8({ host, apiKey: KEY }, { network: "none" });
      const stream = engine.executeStream({
        runtime: "python",
        code: "print(6 * 7)",
        setupScript: "echo prepared",
      });
      const events = [];
      for await (const event of stream) events.push(event);
      assert.equal(textOf(events, "stdout"), "prepared\n42\n");
      assert.equal(textOf(events, "stderr"), "é");
      assert.deepEqual(events.at(-1), { type: "exit", data: "3", phase: "code" });
      assert.equal(stream.result, undefined);
      assert.deepEqual(bodies[0].options, { network: "none" });
      const refused = await eventsOf(engine, { runtime: "ruby", code: "1" });
      assert.deepEqual(refused, [{ type: "error", data: 'Unknown runtime: "ruby".' }]);
    });
  });
}

testClients("0.20: results, files and sessions", async (RemoteIsol8) => {
  await withServer({ webSocket: true }, async (host, { bodies, deleted }) => {
    const engine = new RemoteIsol8({ host: `${host}/`, apiKey: KEY, sessionId: "a b/c" });
    await engine.start();
    await engine.ping();
    const request = { runtime: "python", code: "print(6 * 7)", files: { "/sandbox/t": "text" } };
    assert.deepEqual(await engine.execute(request), RESULT);
    assert.equal(bodies[0].sessionId, "a b/c");
    assert.deepEqual(bodies[0].request.files, { "/sandbox/t": "text" });
    const bytes = Buffer.from([0, 255, 10]);
    await engine.putFile("/sandbox/b c", bytes);
    assert.deepEqual(await engine.getFile("/sandbox/b c"), bytes);
    const [session] = await engine.listSessions();
    assert.deepEqual(session, {
      id: "a b/c",
      isActive: false,
      lastAccessedAt: "2026-01-01T00:00:00.000Z",
    });
    await engine.stop();
    assert.deepEqual(deleted, ["a b/c"]);
    assert.deepEqual(await engine.listSessions(), []);
  });
});

testClients("0.20: its errors have no code, and their text is kept", async (RemoteIsol8) => {
  await withServer({ webSocket: false }, async (host) => {
    const code = "ISOL8_REMOTE";
    const engine = new RemoteIsol8({ host, apiKey: KEY, sessionId: "s" });
    await assert.rejects(engine.execute({ runtime: "ruby", code: "1" }), {
      message: 'Execution failed: Unknown runtime: "ruby".',
      code,
    });
    await engine.execute({ runtime: "python", code: "1" });
    await assert.rejects(engine.getFile("/sandbox/none"), {
      message: /^File download failed: (HTTP 500|Internal Server Error)/,
      code,
    });
    const other = new RemoteIsol8({ host, apiKey: KEY, sessionId: "none" });
    await assert.rejects(other.putFile("/sandbox/a", "x"), {
      message: "File upload failed: Session not found",
    });
    const stranger = new RemoteIsol8({ host, apiKey: "wrong" });
    await assert.rejects(stranger.execute({ runtime: "python", code: "1" }), {
      message: "Execution failed: Invalid API key",
    });
    await assert.rejects(stranger.listSessions(), {
      message: "Failed to list sessions: Invalid API key",
    });
  });
});
