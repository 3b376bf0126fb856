// The remote client over a WebSocket: what it sends, how it ends, and when it falls back to SSE.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { createServer as createSocketServer } from "node:net";
import { WebSocketServer } from "ws";
import websocket from "../lib/remote/websocket.cjs";
import { testClients } from "./helpers/clients.mjs";
import { EXIT, leaveAndAbort, request } from "./helpers/fake-server.mjs";
import { eventsOf, test, until } from "./helpers/harness.mjs";
import "./helpers/websocket.mjs";

/** Starts a server that calls `onSocket(socket, upgradeRequest)` for each socket. */
async function withServer(onSocket, use) {
  const server = createServer((_request, response) => response.writeHead(418).end());
  const sockets = new WebSocketServer({ server, path: "/execute/ws" });
  sockets.on("connection", onSocket);
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    await use(`http://127.0.0.1:${server.address().port}`);
  } finally {
    for (const socket of sockets.clients) socket.terminate();
    sockets.close();
    server.closeAllConnections?.();
    await new Promise((resolve) => server.close(resolve));
  }
}

testClients(
  "the request goes out with key, options and session; events come back",
  async (RemoteIsol8) => {
    const seen = [];
    const onSocket = (socket, upgrade) => {
      socket.on("message", (data) => {
        seen.push([upgrade.headers.authorization, JSON.parse(data)]);
        socket.send(JSON.stringify({ type: "stdout", data: "é", phase: "code" }));
        socket.send(JSON.stringify(EXIT));
        socket.close(1000, "Execution complete");
      });
    };
    await withServer(onSocket, async (host) => {
      const connection = { host, apiKey: "k", sessionId: "s" };
      const engine = new RemoteIsol8(connection, { network: "none" });
      const events = await eventsOf(engine, request);
      assert.deepEqual(events, [{ type: "stdout", data: "é", phase: "code" }, EXIT]);
      const options = { network: "none" };
      const sent = { type: "execute", request, result: true, options, sessionId: "s" };
      assert.deepEqual(seen, [["Bearer k", sent]]);
    });
  },
);

testClients("a socket that closes early is never a success", async (RemoteIsol8) => {
  const closings = [
    (socket) => socket.close(1011, "it broke"),
    (socket) => socket.terminate(),
    (socket) => socket.close(1000),
  ];
  for (const close of closings) {
    const onSocket = (socket) => {
      socket.on("message", () => {
        socket.send(JSON.stringify({ type: "stdout", data: "half" }));
        setTimeout(() => close(socket), 50);
      });
    };
    await withServer(onSocket, async (host) => {
      const engine = new RemoteIsol8({ host, apiKey: "k" });
      await assert.rejects(eventsOf(engine, request), { message: /^Stream failed: / });
    });
  }
});

testClients("leaving the loop and aborting close the socket", async (RemoteIsol8) => {
  let closed = 0;
  const onSocket = (socket) => {
    socket.on("close", () => {
      closed += 1;
    });
    socket.on("message", () => socket.send(JSON.stringify({ type: "stdout", data: "a" })));
  };
  await withServer(onSocket, async (host) => {
    await leaveAndAbort(new RemoteIsol8({ host, apiKey: "k" }));
    await until(() => closed === 2, "both sockets are closed");
  });
});

testClients("a server without WebSocket is asked by SSE, and remembered", async (RemoteIsol8) => {
  const paths = [];
  const server = createServer((incoming, response) => {
    paths.push(incoming.url);
    if (incoming.url !== "/execute/stream") return response.writeHead(404).end();
    response.writeHead(200, { "Content-Type": "text/event-stream" });
    response.end(`data: ${JSON.stringify(EXIT)}\n\n`);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    const host = `http://127.0.0.1:${server.address().port}`;
    const engine = new RemoteIsol8({ host, apiKey: "k" });
    assert.deepEqual(await eventsOf(engine, request), [EXIT]);
    assert.deepEqual(await eventsOf(engine, request), [EXIT]);
    assert.deepEqual(paths, ["/execute/ws", "/execute/stream", "/execute/stream"]);
  } finally {
    server.closeAllConnections?.();
    await new Promise((resolve) => server.close(resolve));
  }
});

testClients(
  "a stream that ends with an error gives it and ends; what is no JSON is ignored",
  async (RemoteIsol8) => {
    const refused = { type: "error", data: "no" };
    const onSocket = (socket) => {
      socket.on("message", () => {
        socket.send("no JSON");
        socket.send("7");
        socket.send(JSON.stringify(refused));
        socket.close(1000, "Execution complete");
      });
    };
    await withServer(onSocket, async (host) => {
      assert.deepEqual(await eventsOf(new RemoteIsol8({ host, apiKey: "k" }), request), [refused]);
    });
  },
);

testClients("an abort ends a call whose WebSocket never opens", async (RemoteIsol8) => {
  let reached;
  const connected = new Promise((resolve) => {
    reached = resolve;
  });
  const sockets = [];
  const silent = createSocketServer((socket) => {
    sockets.push(socket);
    socket.on("error", () => {});
    socket.resume();
    reached();
  });
  await new Promise((resolve) => silent.listen(0, "127.0.0.1", resolve));
  try {
    const host = `http://127.0.0.1:${silent.address().port}`;
    const abort = new AbortController();
    const running = eventsOf(new RemoteIsol8({ host, apiKey: "k" }), request, abort);
    connected.then(() => abort.abort(new Error("enough")));
    await assert.rejects(running, { message: "enough" });
  } finally {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => silent.close(resolve));
  }
});

test("events that wait for a slow loop have a limit, and then the socket is closed", async () => {
  let closed = false;
  const onSocket = (socket) => {
    socket.on("close", () => {
      closed = true;
    });
    socket.on("message", () => {
      for (let count = 0; count < 100; count++) {
        socket.send(JSON.stringify({ type: "stdout", data: "x".repeat(100) }));
      }
    });
  };
  await withServer(onSocket, async (host) => {
    const url = `${host.replace("http", "ws")}/execute/ws`;
    const events = websocket.events(url, {}, "{}", { maxWaiting: 2000 });
    await assert.rejects(
      async () => {
        for await (const { type } of events) {
          assert.equal(type, "stdout");
          await until(() => closed, "the socket is closed");
        }
      },
      { message: "more than 2000 characters of events wait to be read" },
    );
  });
});
