// What both clients take from the environment: certificates, and the native one proxies. Each client runs in a process of
// its own, because Node.js reads certificates when it starts.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { createServer as createHttpServer } from "node:http";
import { createServer } from "node:https";
import { connect } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { WebSocketServer } from "ws";
import { makeCertificate } from "./helpers/certificate.mjs";
import { withFolder } from "./helpers/folder.mjs";
import { test } from "./helpers/harness.mjs";

const execute = promisify(execFile);
const NODE = process.versions.bun ? "node" : process.execPath;
const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** A user's program. It prints the events of a stream, and how many sessions there are, or the message of an error. */
const PROGRAM = `
const { RemoteIsol8 } = require(process.argv[1]);
(async () => {
  const engine = new RemoteIsol8({ host: process.argv[2], apiKey: "k" });
  const told = [];
  for await (const { data } of engine.executeStream({ runtime: "bash", code: "x" })) told.push(data);
  console.log(told.join(), (await engine.listSessions()).length);
})().catch((error) => console.log(error.code, error.message));
`;

/** Runs the program with a module of the package. Nothing of the environment names a proxy or a certificate but `env`. */
async function run(module, host, env) {
  const { PATH, HOME } = process.env;
  const words = ["-e", PROGRAM, join(ROOT, module), host];
  const options = { env: { PATH, HOME, ...env }, timeout: 60_000, killSignal: "SIGKILL" };
  return (await execute(NODE, words, options)).stdout.trim();
}

/** Answers as a server does. `asked` gets the first line of each request. */
function answering(asked) {
  return (request, response) => {
    asked.push(`${request.method} ${request.url}`);
    request.resume();
    if (request.url.endsWith("/sessions")) response.end(JSON.stringify({ sessions: [{}] }));
    else if (request.url.endsWith("/execute/stream"))
      response.end('data: {"type":"exit","data":"7","phase":"code"}\n\n');
    else response.writeHead(404).end();
  };
}

/** Adds a WebSocket to a server. */
function withSocket(server) {
  const sockets = new WebSocketServer({ server, path: "/execute/ws" });
  sockets.on("connection", (socket) => {
    socket.on("message", () => {
      socket.send('{"type":"exit","data":"8","phase":"code"}');
      socket.close(1000, "Execution complete");
    });
  });
}

/** Runs `use` with the port of a server. */
async function listening(server, use) {
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    await use(server.address().port);
  } finally {
    server.closeAllConnections?.();
    server.close();
  }
}

test("certificates of the environment are trusted, and no others", async () => {
  await withFolder(async (folder) => {
    const { key, certificate } = await makeCertificate(folder);
    const server = createServer(
      { key: await readFile(key), cert: await readFile(certificate) },
      answering([]),
    );
    withSocket(server);
    await listening(server, async (port) => {
      const host = `https://localhost:${port}`;
      const extra = { NODE_EXTRA_CA_CERTS: certificate };
      assert.equal(await run("index.cjs", host, extra), "8 1");
      assert.equal(await run("index.cjs", host, { SSL_CERT_FILE: certificate }), "8 1");
      assert.match(await run("remote.cjs", host, extra), /^[78] 1$/);
      for (const module of ["index.cjs", "remote.cjs"]) {
        assert.match(await run(module, host, {}), /^ISOL8_REMOTE Stream failed: .*certificate/i);
      }
      const missing = join(folder, "none.pem");
      assert.match(
        await run("index.cjs", host, { SSL_CERT_FILE: missing }),
        /^ISOL8_INVALID_OPTION Invalid SSL_CERT_FILE: .*none\.pem/,
      );
    });
  });
});

test("the native client uses the proxies of the environment", async () => {
  const [asked, seen] = [[], []];
  await listening(createHttpServer(answering(asked)), async (port) => {
    const proxy = createHttpServer((request, response) => {
      seen.push(request.url);
      // A proxy does not pass on the upgrade to a WebSocket.
      answering([])(
        { method: request.method, url: request.url, resume: () => request.resume() },
        response,
      );
    });
    proxy.on("connect", (request, client) => {
      seen.push(`CONNECT ${request.url}`);
      const upstream = connect(port, "127.0.0.1", () => {
        client.write("HTTP/1.1 200 OK\r\n\r\n");
        client.pipe(upstream).pipe(client);
      });
      for (const socket of [client, upstream]) socket.on("error", () => {});
    });
    await listening(proxy, async (proxyPort) => {
      const address = `http://127.0.0.1:${proxyPort}`;
      const host = "http://isol8.invalid";
      assert.equal(await run("index.cjs", host, { HTTP_PROXY: address }), "7 1");
      assert.ok(seen.every((url) => url.startsWith(host)) && seen.length >= 2, seen.join());
      const direct = { HTTP_PROXY: address, NO_PROXY: "127.0.0.1" };
      const before = seen.length;
      assert.equal(await run("index.cjs", `http://127.0.0.1:${port}`, direct), "7 1");
      assert.equal(seen.length, before);
    });
  });
});
