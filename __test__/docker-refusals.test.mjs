// What a Docker daemon refuses for reasons of its own: the error says what happened and what to do.

import assert from "node:assert/strict";
import { createServer } from "node:net";
import { join } from "node:path";
import { DockerIsol8 } from "../index.js";
import { withFakeDocker } from "./helpers/fake-docker.mjs";
import { withFolder } from "./helpers/folder.mjs";
import { test } from "./helpers/harness.mjs";

const BASH = { runtime: "bash", code: "true" };
const NO_IMAGE = [404, { message: "No such image" }];

/** Runs a program with a daemon that answers like this. Returns the error. */
async function errorOf(answer) {
  return await withFakeDocker(answer, async (docker) => {
    const engine = new DockerIsol8({ docker });
    try {
      return await engine.execute(BASH).then(
        () => assert.fail("it ran"),
        (error) => error,
      );
    } finally {
      await engine.stop();
    }
  });
}

test("a missing image without network: the error has the step, the cause and the remedy", async () => {
  const cause = 'Get "https://registry.test/v2/": dial tcp: lookup registry.test: no such host';
  const { code, message } = await errorOf((method, path) => {
    if (method === "POST" && path === "/build") {
      return [200, { errorDetail: { message: `\u001b[31m${cause}\u001b[0m` } }];
    }
    return path === "/images/json" ? [200, []] : NO_IMAGE;
  });
  assert.equal(code, "ISOL8_IMAGE_BUILD");
  assert.ok(message.startsWith(`Failed to build image for bash: ${cause}`), message);
  assert.match(message, /The build needs the network, .+ name mirrors for the base image/s);
});

for (const [what, words, expected] of [
  ["something that speaks no HTTP", "SSH-2.0-OpenSSH_9.2\r\n", /no Docker daemon.+DOCKER_HOST/],
  [
    "a web server",
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello",
    /no Docker daemon.+DOCKER_HOST/,
  ],
]) {
  test(`${what} at the address is not taken for a Docker daemon that does not run`, async () => {
    await withFolder(async (folder) => {
      const socketPath = join(folder, "s");
      const server = createServer((connection) => {
        connection.on("error", () => {});
        connection.once("data", () => connection.end(words));
      });
      await new Promise((resolve) => server.listen(socketPath, resolve));
      const engine = new DockerIsol8({ docker: { socketPath } });
      try {
        const wrong = { code: "ISOL8_DOCKER_UNREACHABLE", message: expected };
        await assert.rejects(engine.execute(BASH), wrong);
        await assert.rejects(engine.ping(), wrong);
      } finally {
        await engine.stop();
        server.close();
      }
    });
  });
}

test("a full disk: the error has the daemon's words and the remedy", async () => {
  const words = "mkdir /var/lib/docker/overlay2/x: no space left on device";
  const { code, message } = await errorOf((method, path) => {
    if (method === "POST" && path === "/containers/create") return [500, { message: words }];
    if (path.startsWith("/images/")) return [200, { Id: `sha256:${"0".repeat(64)}`, Config: {} }];
    return [200, []];
  });
  assert.equal(code, "ISOL8_DOCKER");
  assert.equal(
    message,
    `Docker has no space left on its disk: ${words}. Make room there, for example with \`docker system prune\`.`,
  );
});
