// A fake Docker daemon on its own socket, with scripted answers. For tests that would harm a daemon that others use.

import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";

/**
 * Serves `answer(method, path, query)`, which returns `[status, body]` and throws for an unexpected call. Such an error
 * fails the test. `use` receives the address for `options.docker` and the list of calls.
 */
export async function withFakeDocker(answer, use) {
  const folder = await mkdtemp(join(tmpdir(), "isol8-docker-"));
  const socketPath = join(folder, "docker.sock");
  const calls = [];
  const surprises = [];
  const server = createServer((request, response) => {
    const url = new URL(request.url, "http://docker");
    const path = url.pathname.replace(/^\/v\d+\.\d+/, "");
    const reply = (status, body) => {
      response.writeHead(status, { "content-type": "application/json", "api-version": "1.41" });
      response.end(status === 204 ? undefined : JSON.stringify(body));
    };
    if (path === "/_ping" || path === "/version") {
      reply(200, { Version: "20.10.24", ApiVersion: "1.41", MinAPIVersion: "1.12" });
      return;
    }
    calls.push(`${request.method} ${decodeURIComponent(path)}`);
    try {
      reply(...answer(request.method, decodeURIComponent(path), url.searchParams));
    } catch (error) {
      surprises.push(error);
      reply(500, { message: String(error.message) });
    }
  });
  await new Promise((resolve, reject) => {
    server.on("error", reject);
    server.listen(socketPath, resolve);
  });
  try {
    const value = await use({ socketPath }, calls);
    if (surprises.length > 0) throw surprises[0];
    return value;
  } finally {
    server.closeAllConnections?.();
    server.close();
    await rm(folder, { recursive: true, force: true });
  }
}
