// The remote client and a server that is broken or hostile.

import assert from "node:assert/strict";
import { Isol8Error } from "../index.js";
import body from "../lib/remote/body.cjs";
import { testClients } from "./helpers/clients.mjs";
import { json, KEY, request, withServer } from "./helpers/fake-server.mjs";
import { eventsOf, sleep } from "./helpers/harness.mjs";

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
