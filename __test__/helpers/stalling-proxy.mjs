// A proxy in front of the Docker daemon's socket that stops passing anything on when a test says so.

import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

const DAEMON = "/var/run/docker.sock";

/** Runs `use` with the address of the proxy for `options.docker`, and `stall`. Afterwards everything passes again. */
export async function withStallingProxy(use) {
  const folder = await mkdtemp(join(tmpdir(), "isol8-proxy-"));
  const socketPath = join(folder, "docker.sock");
  const sockets = new Set();
  let stalled = false;
  const pass = (from, to) => {
    sockets.add(from);
    from.on("data", (data) => {
      if (!stalled) to.write(data);
    });
    from.on("end", () => {
      if (!stalled) to.end();
    });
    from.on("error", () => to.destroy());
    from.on("close", () => {
      sockets.delete(from);
      to.destroy();
    });
  };
  const server = createServer({ allowHalfOpen: true }, (client) => {
    const daemon = connect({ path: DAEMON, allowHalfOpen: true });
    pass(client, daemon);
    pass(daemon, client);
  });
  server.listen(socketPath);
  await once(server, "listening");
  try {
    return await use({ socketPath }, () => {
      stalled = true;
    });
  } finally {
    server.close();
    for (const socket of sockets) socket.destroy();
    await rm(folder, { recursive: true, force: true });
  }
}
