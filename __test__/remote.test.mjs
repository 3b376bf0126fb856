// The remote client against a fake server on loopback, which answers in the documented format.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { Isol8Error } from "../index.js";
import body from "../lib/remote/body.cjs";
import { CLIENTS, testClients } from "./helpers/clients.mjs";
import { eventsOf, sleep, test, until } from "./helpers/harness.mjs";

const KEY = "k-1";
const EXIT = { type: "exit", data: "0", phase: "code" };

/** Serves `answers` ("METHOD /path" → function) while `use` runs, and records the requests. */
async function withServer(answers, use) {
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

const json = (status, value) => (response) => {
  response.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify(value));
};

const sse =
  (...parts) =>
  async (response) => {
    response.writeHead(200, { "Content-Type": "text/event-stream" });
    for (const part of parts) {
      response.write(part);
      await sleep(20);
    }
    response.end();
  };
const event = (value) => `data: ${JSON.stringify(value)}\n\n`;
const request = { runtime: "bash", code: "x" };

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

testClients(
  "events arrive by SSE when no WebSocket opens, in chunks of any size",
  async (RemoteIsol8) => {
    const text = event({ type: "stdout", data: "é\n\n", phase: "code" }) + event(EXIT);
    const bytes = Buffer.from(text);
    const pieces = [...bytes].map((byte) => Buffer.from([byte]));
    await withServer(
      { "POST /execute/stream": sse(": hi\n\n", ...pieces) },
      async (host, asked) => {
        const engine = new RemoteIsol8({ host, apiKey: KEY, sessionId: "s" });
        const events = await eventsOf(engine, request);
        assert.deepEqual(events, [{ type: "stdout", data: "é\n\n", phase: "code" }, EXIT]);
        const streamed = asked.filter(({ what }) => what === "POST /execute/stream");
        assert.equal(streamed[0].body.sessionId, "s");
      },
    );
  },
);

testClients("the exit event of a setup script does not end the stream", async (RemoteIsol8) => {
  const setup = { type: "exit", data: "0", phase: "setup" };
  const answers = { "POST /execute/stream": sse(event(setup), event(EXIT)) };
  await withServer(answers, async (host) => {
    const engine = new RemoteIsol8({ host, apiKey: KEY });
    assert.deepEqual(await eventsOf(engine, request), [setup, EXIT]);
  });
});

testClients(
  "a request that the server refuses is one event, and the stream ends without an error",
  async (RemoteIsol8) => {
    const refused = { type: "error", data: 'Unknown runtime: "ruby"' };
    await withServer({ "POST /execute/stream": sse(event(refused)) }, async (host) => {
      const engine = new RemoteIsol8({ host, apiKey: KEY });
      assert.deepEqual(await eventsOf(engine, request), [refused]);
    });
  },
);

testClients("a broken stream is an error", async (RemoteIsol8) => {
  const half = event({ type: "stdout", data: "half" });
  const setup = event({ type: "exit", data: "0", phase: "setup" });
  for (const parts of [[half], [setup], []]) {
    await withServer({ "POST /execute/stream": sse(...parts) }, async (host) => {
      const engine = new RemoteIsol8({ host, apiKey: KEY });
      await assert.rejects(eventsOf(engine, request), {
        message: "Stream failed: the connection ended before the program did",
      });
    });
  }
  const cut = async (response) => {
    response.writeHead(200, { "Content-Type": "text/event-stream" });
    response.write(half);
    await sleep(50);
    response.destroy();
  };
  await withServer({ "POST /execute/stream": cut }, async (host) => {
    const engine = new RemoteIsol8({ host, apiKey: KEY });
    await assert.rejects(eventsOf(engine, request), { message: /^Stream failed: / });
  });
});

testClients("leaving the loop and aborting end the connection", async (RemoteIsol8) => {
  let closed = 0;
  const endless = async (response) => {
    response.on("close", () => {
      closed += 1;
    });
    response.writeHead(200, { "Content-Type": "text/event-stream" });
    response.write(event({ type: "stdout", data: "a" }));
  };
  await withServer({ "POST /execute/stream": endless }, async (host) => {
    const engine = new RemoteIsol8({ host, apiKey: KEY });
    for await (const { data } of engine.executeStream(request)) {
      if (data === "a") break;
    }
    const abort = new AbortController();
    const running = eventsOf(engine, request, { signal: abort.signal });
    setTimeout(() => abort.abort(new Error("enough")), 100);
    await assert.rejects(running, { message: "enough" });
    await until(() => closed === 2, "both connections are closed");
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
  "a redirect to another origin is refused, and nothing is sent there",
  async (RemoteIsol8) => {
    const calls = [
      ["POST /execute", (engine) => engine.execute(request)],
      ["POST /execute/stream", (engine) => eventsOf(engine, request)],
      ["GET /health", (engine) => engine.start()],
      ["GET /sessions", (engine) => engine.listSessions()],
      ["DELETE /session/s", (engine) => engine.deleteSession("s")],
      ["POST /file", (engine) => engine.putFile("/sandbox/a", "secret")],
      ["GET /file", (engine) => engine.getFile("/sandbox/a")],
    ];
    await withServer({}, async (elsewhere, asked) => {
      for (const status of [301, 302, 303, 307, 308]) {
        const away = (response) => response.writeHead(status, { Location: `${elsewhere}/x` }).end();
        const answers = Object.fromEntries(calls.map(([what]) => [what, away]));
        await withServer(answers, async (host) => {
          for (const [what, call] of calls) {
            const engine = new RemoteIsol8({ host, apiKey: KEY, sessionId: "s" });
            await assert.rejects(call(engine), (error) => {
              assert.ok(error.message.includes(`another origin, ${elsewhere}`), error.message);
              assert.ok(!error.message.includes(KEY), `${what}: ${error.message}`);
              return true;
            });
          }
        });
      }
      assert.deepEqual(asked, []);
    });
  },
);

testClients(
  "redirects within the origin are followed, and not without end",
  async (RemoteIsol8) => {
    const to = (status, path) => (response) => response.writeHead(status, { Location: path }).end();
    const answers = {
      "POST /execute": to(307, "/v2/execute"),
      "POST /v2/execute": json(200, { stdout: "x" }),
      "GET /sessions": to(302, "sessions"),
      "DELETE /session/s": to(303, "/gone"),
      "GET /gone": json(200, { ok: true }),
    };
    await withServer(answers, async (host, asked) => {
      const engine = new RemoteIsol8({ host, apiKey: KEY, sessionId: "s" });
      assert.deepEqual(await engine.execute(request), { stdout: "x" });
      assert.deepEqual(asked[1].body.request, request);
      assert.equal(asked[1].key, `Bearer ${KEY}`);
      await engine.deleteSession("s");
      await assert.rejects(engine.listSessions(), {
        message: "Failed to list sessions: the server redirects more than 5 times",
      });
    });
  },
);

testClients(
  "a stream that ends with an error gives it and ends; what is no JSON is ignored",
  async (RemoteIsol8) => {
    const refused = { type: "error", data: "no", code: "ISOL8_INVALID_REQUEST" };
    const answers = {
      "POST /execute/stream": sse("data: no JSON\n\n", "data: 7\n\n", event(refused)),
    };
    await withServer(answers, async (host) => {
      const saved = globalThis.WebSocket;
      globalThis.WebSocket = undefined;
      try {
        assert.deepEqual(await eventsOf(new RemoteIsol8({ host, apiKey: KEY }), request), [
          refused,
        ]);
      } finally {
        globalThis.WebSocket = saved;
      }
    });
  },
);

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

testClients(
  "an answer that is no JSON object, or is cut, is an Isol8Error of the call",
  async (RemoteIsol8) => {
    const markup = (response) => response.end("<html>");
    const cut = async (response) => {
      response.writeHead(200, { "Content-Length": 99 });
      response.write("{");
      await sleep(50);
      response.destroy();
    };
    for (const answer of [markup, json(200, []), cut]) {
      const answers = { "GET /file": answer, "GET /sessions": answer, "POST /execute": answer };
      await withServer(answers, async (host) => {
        const engine = new RemoteIsol8({ host, apiKey: KEY, sessionId: "s" });
        for (const call of [
          () => engine.execute(request),
          () => engine.getFile("/sandbox/a"),
          () => engine.listSessions(),
        ]) {
          await assert.rejects(call, (error) => {
            assert.ok(error instanceof Isol8Error, `${error}`);
            assert.equal(error.code, "ISOL8_REMOTE");
            return /^(Execution failed|File download failed|Failed to list sessions): /.test(
              error.message,
            );
          });
        }
      });
    }
    const empty = { "GET /file": json(200, {}), "GET /sessions": json(200, {}) };
    await withServer(empty, async (host) => {
      const engine = new RemoteIsol8({ host, apiKey: KEY, sessionId: "s" });
      const code = "ISOL8_REMOTE";
      await assert.rejects(engine.getFile("/sandbox/a"), {
        code,
        message: "File download failed: the answer has no content",
      });
      await assert.rejects(engine.listSessions(), {
        code,
        message: "Failed to list sessions: the answer has no sessions",
      });
    });
  },
);

/** Answers with the same piece until the client goes away. */
const endless = (status, piece) => async (response) => {
  let open = true;
  response.on("close", () => {
    open = false;
  });
  response.writeHead(status, { "Content-Type": "text/event-stream" });
  while (open) {
    response.write(piece);
    await sleep(1);
  }
};

testClients("a server that sends without end fills no memory", async (RemoteIsol8) => {
  await withServer({ "POST /execute": endless(500, "x".repeat(65_536)) }, async (host) => {
    await assert.rejects(new RemoteIsol8({ host, apiKey: KEY }).execute(request), {
      code: "ISOL8_REMOTE",
      message: "Execution failed: HTTP 500",
    });
  });
  for (const piece of ["x".repeat(65_536), "data: xxxxxxxxx\n".repeat(4096)]) {
    await withServer({ "POST /execute/stream": endless(200, piece) }, async (host) => {
      await assert.rejects(eventsOf(new RemoteIsol8({ host, apiKey: KEY }), request), {
        code: "ISOL8_REMOTE",
        message: "Stream failed: the server sent an event without an end",
      });
    });
  }
  await assert.rejects(body.bodyText(new Response("x".repeat(11)), 10), {
    message: "the server's answer has more than 10 bytes",
  });
  assert.equal(await body.bodyText(new Response("é".repeat(5)), 10), "é".repeat(5));
});

testClients("a code of another form is not the code of an error", async (RemoteIsol8) => {
  const answer = { error: "no", code: "<script>" };
  await withServer({ "POST /execute": json(500, answer) }, async (host) => {
    await assert.rejects(new RemoteIsol8({ host, apiKey: KEY }).execute(request), {
      code: "ISOL8_REMOTE",
      message: "Execution failed: no",
    });
  });
});
