// A Docker daemon that hangs, goes away, or is none: calls end in time, and say what to do.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { DockerIsol8, imageExists } from "../index.js";
import { outputOf, test, withEngine } from "./helpers/harness.mjs";
import { withStallingProxy } from "./helpers/stalling-proxy.mjs";

const BASH = { runtime: "bash", code: "echo x" };
const UNREACHABLE = "ISOL8_DOCKER_UNREACHABLE";

/** How long a call may take that has a limit of 10 s, on a busy machine. Without limits these calls take minutes. */
const LIMIT_MS = 25_000;

/** Fails when a promise takes too long. */
async function inTime(promise, what) {
  const begun = performance.now();
  try {
    return await promise;
  } finally {
    const took = performance.now() - begun;
    assert.ok(took < LIMIT_MS, `${what} took ${took} ms`);
  }
}

/** A daemon that hangs from the start fails each call in time, with the same text. */
async function hangsFromTheStart() {
  await withStallingProxy(async (docker, stall) => {
    stall();
    const engine = new DockerIsol8({ docker, timeoutMs: 5000 });
    const expected = {
      code: UNREACHABLE,
      message: `Cannot reach Docker at unix://${docker.socketPath}: it does not answer in time. It hangs or is overloaded: try again later, or restart it.`,
    };
    await Promise.all([
      assert.rejects(inTime(engine.execute(BASH), "execute"), expected),
      assert.rejects(inTime(engine.ping(), "ping"), expected),
      assert.rejects(
        inTime(engine.start({ prewarm: { runtimes: ["bash"] }, strict: true }), "start"),
        expected,
      ),
      assert.rejects(inTime(imageExists(docker, "isol8:bash"), "imageExists"), expected),
      inTime(engine.start({ prewarm: { runtimes: ["bash"] } }), "start"),
    ]);
    await inTime(engine.stop(), "stop");
  });
}

/** While the daemon hangs what is warm goes on, and stop returns in time. */
async function hangsLater(mode) {
  await withStallingProxy(async (docker, stall) => {
    const engine = new DockerIsol8({ docker, mode, timeoutMs: 20_000 });
    try {
      await engine.start({ prewarm: { runtimes: ["bash"] }, strict: true });
      await engine.ping();
      stall();
      assert.equal(await outputOf(engine, BASH), "x");
      await assert.rejects(inTime(engine.ping(), `${mode}: ping`), { code: UNREACHABLE });
    } finally {
      await inTime(engine.stop(), `${mode}: stop`);
    }
  });
}

// At the same time, because each of them waits for limits of 10 s.
test("while a daemon hangs calls fail in time, what is warm goes on, and stop returns in time", async () => {
  const all = [hangsFromTheStart(), hangsLater("ephemeral"), hangsLater("persistent")];
  const failed = (await Promise.allSettled(all)).filter(({ status }) => status === "rejected");
  for (const { reason } of failed) throw reason;
});

test("start is strict only when asked, and names what is missing", async () => {
  await withEngine({ image: "isol8-test/none" }, async (engine) => {
    await engine.start({ prewarm: { runtimes: ["bash"] } });
    await assert.rejects(engine.start({ prewarm: { runtimes: ["bash"] }, strict: true }), {
      code: "ISOL8_IMAGE_MISSING",
    });
    await assert.rejects(engine.start({ prewarm: { runtimes: ["none"] }, strict: true }), {
      code: "ISOL8_UNKNOWN_RUNTIME",
    });
  });
});

test("a daemon that goes away while an engine lives has the text of one that was never there", async () => {
  await withEngine({}, async () => {
    let gone;
    await withStallingProxy(async (docker) => {
      gone = new DockerIsol8({ docker, poolSize: 0 });
      await gone.ping();
      assert.equal(await outputOf(gone, BASH), "x");
    });
    try {
      for (const call of [() => gone.ping(), () => gone.execute({ ...BASH, runtime: "python" })]) {
        await assert.rejects(inTime(call(), "call"), (error) => {
          assert.equal(error.code, UNREACHABLE, `${error}`);
          assert.match(
            error.message,
            /^Cannot reach Docker at unix:.*Is Docker installed and running\? Start it/,
          );
          assert.doesNotMatch(error.message, /hyper|legacy/);
          return true;
        });
      }
    } finally {
      await gone.stop();
    }
  });
});

/** Runs `use` with the address of an HTTP server that answers everything with `respond`. */
async function withServer(respond, use) {
  const server = createServer(respond);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  try {
    await use({ host: "127.0.0.1", port: server.address().port });
  } finally {
    server.closeAllConnections?.();
    server.close();
  }
}

for (const [what, respond, message] of [
  [
    "a web server",
    (_, response) =>
      response.writeHead(404, { "content-type": "text/html" }).end("<h1>not here</h1>"),
    /: what answers there is no Docker daemon\. Say where Docker is/,
  ],
  [
    "a server that answers everything with a page",
    (_, response) =>
      response.writeHead(200, { "content-type": "text/html" }).end("<h1>welcome</h1>"),
    /: what answers there is no Docker daemon\. Say where Docker is/,
  ],
  [
    "a daemon with an old API",
    (_, response) =>
      response
        .writeHead(200, { "content-type": "application/json", "api-version": "1.24" })
        .end(JSON.stringify({ Version: "1.12", ApiVersion: "1.24", MinAPIVersion: "1.12" })),
    /^The Docker daemon is too old: it speaks version 1\.24 of the API\. isol8 needs Docker 20\.10 or later\.$/,
  ],
]) {
  test(`${what} at the address of Docker is named as such`, async () => {
    await withServer(respond, async (docker) => {
      await assert.rejects(new DockerIsol8({ docker }).ping(), { code: UNREACHABLE, message });
    });
  });
}
