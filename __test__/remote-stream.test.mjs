// The events that the remote client gets by SSE.

import assert from "node:assert/strict";
import { testClients } from "./helpers/clients.mjs";
import {
  EXIT,
  event,
  KEY,
  leaveAndAbort,
  request,
  sse,
  withServer,
} from "./helpers/fake-server.mjs";
import { eventsOf, sleep, until } from "./helpers/harness.mjs";

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
    await leaveAndAbort(new RemoteIsol8({ host, apiKey: KEY }));
    await until(() => closed === 2, "both connections are closed");
  });
});

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
