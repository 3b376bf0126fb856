// The calls of the remote client: what it sends, and what comes of the answers.

import assert from "node:assert/strict";
import { Isol8Error } from "../index.js";
import { CLIENTS, testClients } from "./helpers/clients.mjs";
import { json, KEY, request, withServer } from "./helpers/fake-server.mjs";
import { eventsOf, test } from "./helpers/harness.mjs";

testClients("start checks the server's health", async (RemoteIsol8) => {
  await withServer({ "GET /health": json(200, { status: "ok" }) }, async (host, asked) => {
    await new RemoteIsol8({ host: `${host}/`, apiKey: KEY }).start();
    assert.equal(asked[0].what, "GET /health");
  });
  await withServer({ "GET /health": json(503, {}) }, async (host) => {
    await assert.rejects(new RemoteIsol8({ host, apiKey: KEY }).start(), {
      message: "Remote server health check failed: 503",
    });
  });
  const nowhere = new RemoteIsol8({ host: "http://127.0.0.1:1", apiKey: KEY });
  await assert.rejects(nowhere.start(), { message: /^Remote server health check failed: / });
});

// The native client's time limit has tests of its own (crates/client/tests/it/silence.rs).
test("a server that does not say that it is well is given up (client without native code)", async () => {
  const { timeout } = AbortSignal;
  const limits = [];
  AbortSignal.timeout = (milliseconds) => {
    limits.push(milliseconds);
    return timeout.call(AbortSignal, 50);
  };
  try {
    await withServer({ "GET /health": () => {} }, async (host) => {
      const engine = new CLIENTS["client without native code"]({ host, apiKey: KEY });
      await assert.rejects(engine.start(), {
        code: "ISOL8_REMOTE",
        message: "Remote server health check failed: the server has not answered for 30 s",
      });
      assert.deepEqual(limits, [30_000]);
    });
  } finally {
    AbortSignal.timeout = timeout;
  }
});

testClients(
  "execute sends request, options and session, and bytes survive",
  async (RemoteIsol8) => {
    const answers = { "POST /execute": json(200, { stdout: "x" }) };
    await withServer(answers, async (host, asked) => {
      const connection = { host, apiKey: KEY, sessionId: "s" };
      const engine = new RemoteIsol8(connection, { network: "none", docker: { modem: {} } });
      const files = { "/sandbox/t": "text", "/sandbox/b": Buffer.from([0, 255]) };
      const env = { PORT: 3000, DEBUG: true, NAME: "n" };
      assert.deepEqual(await engine.execute({ ...request, files, env }), { stdout: "x" });
      const [{ key, body }] = asked;
      assert.equal(key, `Bearer ${KEY}`);
      assert.equal(body.sessionId, "s");
      assert.deepEqual(body.options, { network: "none" });
      assert.deepEqual(body.request.env, { PORT: "3000", DEBUG: "true", NAME: "n" });
      assert.deepEqual(body.request.files, {
        "/sandbox/t": "text",
        "/sandbox/b": { type: "base64", data: "AP8=" },
      });
    });
  },
);

testClients("an error of the server has the server's message", async (RemoteIsol8) => {
  await withServer({ "POST /execute": json(403, { error: "Invalid API key" }) }, async (host) => {
    const engine = new RemoteIsol8({ host, apiKey: "wrong" });
    await assert.rejects(engine.execute(request), { message: "Execution failed: Invalid API key" });
    await assert.rejects(eventsOf(engine, request), { message: "Stream failed: HTTP 404" });
    await assert.rejects(engine.listSessions(), {
      message: "Failed to list sessions: HTTP 404",
    });
    await assert.rejects(engine.deleteSession("x"), {
      message: "Failed to delete session: HTTP 404",
    });
    const session = new RemoteIsol8({ host, apiKey: "wrong", sessionId: "s" });
    await assert.rejects(session.putFile("/sandbox/a", "x"), {
      message: "File upload failed: HTTP 404",
    });
    await assert.rejects(session.getFile("/sandbox/a"), {
      message: "File download failed: HTTP 404",
    });
  });
});

testClients("file and session calls use the documented endpoints", async (RemoteIsol8) => {
  const answers = {
    "POST /file": json(200, { ok: true }),
    "GET /file": json(200, { content: "AP8=" }),
    "GET /sessions": json(200, { sessions: [{ id: "s", isActive: false }] }),
    "DELETE /session/s%2F1": json(200, { ok: true }),
  };
  await withServer(answers, async (host, asked) => {
    const engine = new RemoteIsol8({ host, apiKey: KEY, sessionId: "s/1" });
    await engine.putFile("/sandbox/a b", Buffer.from([0, 255]));
    assert.deepEqual(await engine.getFile("/sandbox/a b"), Buffer.from([0, 255]));
    assert.deepEqual(await engine.listSessions(), [{ id: "s", isActive: false }]);
    await engine.stop();
    assert.deepEqual(asked[0].body, { sessionId: "s/1", path: "/sandbox/a b", content: "AP8=" });
    assert.equal(asked[1].url.searchParams.get("path"), "/sandbox/a b");
    assert.equal(asked.at(-1).what, "DELETE /session/s%2F1");
    const without = new RemoteIsol8({ host, apiKey: KEY });
    const message = "File operations require a sessionId (persistent mode)";
    await assert.rejects(without.putFile("/sandbox/a", ""), { message });
    await assert.rejects(without.getFile("/sandbox/a"), { message });
    await without.stop();
  });
});

testClients(
  "errors have the server's code, or one of their own; callbacks get the output once",
  async (RemoteIsol8) => {
    const body = { error: "none left", code: "ISOL8_NO_SPACE" };
    await withServer({ "POST /execute": json(500, body) }, async (host) => {
      await assert.rejects(new RemoteIsol8({ host, apiKey: KEY }).execute(request), {
        code: "ISOL8_NO_SPACE",
        message: "Execution failed: none left",
      });
    });
    const result = { stdout: "out", stderr: "", exitCode: 0 };
    await withServer({ "POST /execute": json(200, result) }, async (host) => {
      const received = [];
      const receive = (data) => received.push(data);
      const engine = new RemoteIsol8({ host, apiKey: KEY });
      await engine.execute(request, { onStdout: receive, onStderr: receive });
      assert.deepEqual(received, ["out"]);
    });
  },
);

testClients(
  "wrong arguments are errors that name them, and nothing is sent",
  async (RemoteIsol8) => {
    const connections = {
      connection: undefined,
      host: { apiKey: KEY },
      apiKey: { host: "http://127.0.0.1:1", apiKey: 5 },
      sessionId: { host: "http://127.0.0.1:1", apiKey: KEY, sessionId: 7 },
    };
    for (const [what, connection] of Object.entries(connections)) {
      const expected = { code: "ISOL8_INVALID_OPTION", message: new RegExp(`^Invalid ${what}: `) };
      assert.throws(() => new RemoteIsol8(connection), expected);
    }
    await withServer({}, async (host, asked) => {
      const engine = new RemoteIsol8({ host, apiKey: KEY, sessionId: "s" });
      const calls = {
        request: () => engine.execute(),
        "request.timeoutMs": () => engine.execute({ ...request, timeoutMs: Number.NaN }),
        "request.stdin": () => eventsOf(engine, { ...request, stdin: 10n }),
        files: () => engine.execute({ ...request, files: ["a"] }),
        signal: () => engine.execute(request, { signal: Object.create(null) }),
        onStdout: () => engine.execute(request, { onStdout: "x" }),
        path: () => engine.getFile(),
        id: () => engine.deleteSession(),
      };
      for (const [what, call] of Object.entries(calls)) {
        await assert.rejects(call, (error) => {
          assert.ok(error instanceof Isol8Error, `${what}: ${error}`);
          assert.equal(error.code, "ISOL8_INVALID_REQUEST");
          assert.ok(error.message.startsWith(`Invalid ${what}: `), error.message);
          return true;
        });
      }
      const sent = asked.filter(({ what }) => what !== "GET /execute/ws");
      assert.deepEqual(sent, []);
    });
  },
);
