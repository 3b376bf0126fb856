// The server in this process: its options and its clients.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { get } from "node:https";
import { createServer as createSocketServer } from "node:net";
import { join } from "node:path";
import { createServer, logger } from "../index.js";
import { makeCertificate } from "./helpers/certificate.mjs";
import { CLIENTS, testClients } from "./helpers/clients.mjs";
import { clientOf, KEY, PLAIN, withServer } from "./helpers/created-server.mjs";
import { withFolder } from "./helpers/folder.mjs";
import { eventsOf, test, textOf, until } from "./helpers/harness.mjs";
import "./helpers/websocket.mjs";

/** Asks a server with a key. Returns the status and the JSON of the answer. */
async function ask(url, key, path, body) {
  const headers = { Authorization: `Bearer ${key}` };
  const method = body === undefined ? "GET" : "POST";
  const response = await fetch(`${url}${path}`, { method, headers, body: JSON.stringify(body) });
  return [response.status, await response.json()];
}

testClients("two servers of a process serve clients by themselves", async (RemoteIsol8) => {
  await withServer({}, (one) =>
    withServer({ apiKey: "another-key" }, async (other) => {
      assert.notEqual(one.port, other.port);
      assert.equal(one.url, `http://127.0.0.1:${one.port}`);
      const client = clientOf(one, { sessionId: "a" }, RemoteIsol8);
      await client.execute({ runtime: "bash", code: "x=42" });
      const events = await eventsOf(client, { runtime: "bash", code: "echo $x; exit 3" });
      assert.equal(textOf(events, "stdout"), "42\n");
      assert.deepEqual(events.at(-1), { type: "exit", data: "3", phase: "code" });
      await assert.rejects(clientOf(other, {}, RemoteIsol8).listSessions(), {
        code: "ISOL8_FORBIDDEN",
      });
      const stranger = new RemoteIsol8({ host: other.url, apiKey: "another-key" });
      assert.deepEqual(await stranger.listSessions(), []);
      assert.equal((await client.listSessions()).length, 1);
    }),
  );
});

test("a configuration, or a part of one, is that of the server", async () => {
  const config = { ...PLAIN.config, maxConcurrent: 3, queue: { maxSize: 7 } };
  await withServer({ config }, async ({ url }) => {
    const [status, queue] = await ask(url, KEY, "/queue/status");
    assert.equal(status, 200);
    assert.deepEqual(queue, {
      available: 3,
      pending: 0,
      maxConcurrent: 3,
      maxSize: 7,
      timeoutMs: 30_000,
    });
  });
});

test("keys of tenants are in the database that authDb names", async () => {
  await withFolder((folder) =>
    withServer({ authDb: join(folder, "keys.db") }, async (server) => {
      const [created, { key }] = await ask(server.url, KEY, "/auth/keys", {
        name: "n",
        tenantId: "t",
      });
      assert.equal(created, 201);
      assert.equal((await ask(server.url, key, "/drain", {}))[0], 403);
      const tenant = clientOf(server, { apiKey: key });
      assert.equal((await tenant.execute({ runtime: "bash", code: "echo a" })).stdout, "a");
      const forbidden = new CLIENTS["native client"](
        { host: server.url, apiKey: key },
        { network: "host" },
      );
      await assert.rejects(forbidden.execute({ runtime: "bash", code: "echo a" }), {
        code: "ISOL8_FORBIDDEN",
      });
    }),
  );
});

test("a sink of the logger has the request that each line is about, whatever carries it", async () => {
  const lines = [];
  await withServer({}, async ({ url }) => {
    const ended = () => lines.filter(({ message }) => message.startsWith("execution ended"));
    logger.setSink((line) => lines.push(line));
    logger.setDebug(true);
    try {
      const request = { runtime: "bash", code: "true" };
      for (const path of ["/execute", "/execute/stream"]) {
        const response = await fetch(`${url}${path}`, {
          method: "POST",
          headers: { authorization: `Bearer ${KEY}` },
          body: JSON.stringify({ request }),
        });
        await response.text();
        const id = response.headers.get("x-request-id");
        await until(() => ended().at(-1)?.requestId === id, `a line about ${path}`);
        assert.ok(lines.some((line) => line.requestId === id && /^sandbox /.test(line.message)));
      }
      const socket = clientOf({ url }).executeStream(request);
      for await (const _ of socket);
      await until(() => ended().length === 3, "a line about the WebSocket");
    } finally {
      logger.setDebug(false);
      logger.setSink(null);
    }
    assert.equal(new Set(ended().map(({ requestId }) => requestId)).size, 3);
    for (const { requestId } of ended()) assert.match(requestId ?? "none", /^[0-9a-f-]{36}$/);
  });
});

/** Asks `/health` of a server that has the certificate in `ca`. Returns the status. */
const encryptedHealth = (url, ca) =>
  new Promise((resolve, reject) => {
    const request = get(`${url}/health`, { ca, agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    request.on("error", reject);
  });

test("connections are encrypted with the certificate of the options or of the configuration", async () => {
  await withFolder(async (folder) => {
    const { key: tlsKey, certificate: tlsCert } = await makeCertificate(folder);
    const ca = await readFile(tlsCert);
    const config = { ...PLAIN.config, server: { tlsCert, tlsKey } };
    const mixed = { ...PLAIN.config, server: { tlsCert: "/none.pem", tlsKey } };
    for (const options of [{ tlsCert, tlsKey }, { config }, { tlsCert, config: mixed }]) {
      await withServer(options, async ({ url, port }) => {
        assert.equal(url, `https://127.0.0.1:${port}`);
        assert.equal(await encryptedHealth(url, ca), 200);
        await assert.rejects(encryptedHealth(url, undefined));
        const plain = await fetch(`http://127.0.0.1:${port}/health`);
        assert.equal(plain.status, 400);
      });
    }
    for (const [options, code, message] of [
      [
        { tlsCert },
        "ISOL8_INVALID_OPTION",
        /^There is a TLS certificate without its key: give tlsKey/,
      ],
      [
        { tlsKey },
        "ISOL8_INVALID_OPTION",
        /^There is a TLS key without its certificate: give tlsCert/,
      ],
      [{ tlsCert: 7 }, "ISOL8_INVALID_OPTION", /^Invalid options: tlsCert: invalid type/],
      [
        { tlsCert: "/none.pem", tlsKey },
        "ISOL8_SERVER",
        /^Cannot read the TLS certificate \/none\.pem: /,
      ],
    ]) {
      await assert.rejects(createServer({ ...PLAIN, ...options }), { code, message });
    }
  });
});

test("a configured socket is refused, unless a port is given", async () => {
  const config = { ...PLAIN.config, server: { socket: "/none/s" } };
  await assert.rejects(createServer({ ...PLAIN, port: undefined, config }), {
    code: "ISOL8_INVALID_OPTION",
    message: /^The configuration has server\.socket, and createServer\(\) listens on a port only\./,
  });
  await withServer({ config }, async ({ url }) => {
    assert.equal((await ask(url, KEY, "/queue/status"))[0], 200);
  });
});

test("a port that is in use is an error, and 0 is any free one", async () => {
  const taken = createSocketServer();
  await new Promise((resolve) => taken.listen(0, "127.0.0.1", resolve));
  const { port } = taken.address();
  try {
    await assert.rejects(createServer({ ...PLAIN, port }), (error) => {
      assert.equal(error.code, "ISOL8_SERVER");
      assert.match(error.message, new RegExp(`^Cannot listen on 127\\.0\\.0\\.1, port ${port}: `));
      return /or 0 for any free one\.$/.test(error.message);
    });
  } finally {
    taken.close();
  }
});

test("options that no server can have are errors that name them", async () => {
  const refused = [
    [undefined, /^Invalid options: undefined/],
    [{ apiKey: undefined }, /^API key required\. Give createServer\(\) an apiKey\.$/],
    [{ apiKey: " " }, /^The API key must not be empty\.$/],
    [{ apiKey: 7 }, /^Invalid options: apiKey: invalid type: integer `7`/],
    [{ port: -1 }, /^Invalid port: -1\. It must be a whole number from 0 to 65535\.$/],
    [{ port: 65_536 }, /^Invalid port: 65536\./],
    [{ port: 1.5 }, /^Invalid port: 1\.5\./],
    [{ port: Number.NaN }, /^Invalid port: NaN\./],
    [{ port: "80" }, /^Invalid options: port: invalid type: string "80", expected a number$/],
    [{ host: "localhost" }, /^Invalid options: .*unknown field `host`, expected .*`hostname`/],
    [{ backend: "podman" }, /^Invalid backend: "podman"/],
    [{ config: { maxConcurrent: 0 } }, /^Invalid maxConcurrent: 0/],
    [
      { config: { defaults: { timeoutMs: "1" } } },
      /^Invalid options: config\.defaults\.timeoutMs: /,
    ],
    [{ config: { tenant: {} } }, /^Unknown option "tenant" of config\. Did you mean "tenants"\?$/],
    [
      { config: { defaults: { timeoutMS: 1 } } },
      /^Invalid options: config\.defaults\.timeoutMS: unknown key$/,
    ],
    [{ docker: { sockedPath: "/s" } }, /^Invalid docker: /],
  ];
  for (const [options, message] of refused) {
    const given = options && { ...PLAIN, ...options };
    await assert.rejects(createServer(given), (error) => {
      assert.equal(error.code, "ISOL8_INVALID_OPTION", error.message);
      assert.match(error.message, message);
      return true;
    });
  }
  await withFolder(async (folder) => {
    const authDb = join(folder, "none", "\0", "keys.db");
    await assert.rejects(createServer({ ...PLAIN, authDb }), { code: "ISOL8_SERVER" });
  });
  await withServer({}, async (server) => {
    const code = "ISOL8_INVALID_OPTION";
    await assert.rejects(server.shutdown({ graceMs: -1 }), {
      code,
      message: /^Invalid graceMs: -1/,
    });
    await assert.rejects(server.shutdown({ grace: 1 }), { code, message: /"grace"/ });
  });
});
