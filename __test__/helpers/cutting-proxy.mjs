// A proxy in front of a server that cuts connections, or keeps WebSockets from being opened.

import { connect, createServer } from "node:net";
import { connect as connectEncrypted, createServer as createEncrypted } from "node:tls";

const REFUSED = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

/**
 * Runs `use(host, proxy)` with the address of a proxy. The proxy passes on `proxy.bytes` of what the server sends on each
 * connection, and then cuts it. With `refuseWebSocket`, requests to open a WebSocket get 404. A proxy that has to read
 * encrypted requests for that has the server's `identity`: its `key` and `cert`. Otherwise it passes on what it cannot read.
 */
export async function withProxy(target, { refuseWebSocket = false, identity }, use) {
  const { protocol, hostname, port } = new URL(target);
  const reads = identity !== undefined && refuseWebSocket;
  const dial = () =>
    reads
      ? connectEncrypted({ port: Number(port), host: hostname, ca: identity.cert })
      : connect(Number(port), hostname);
  const proxy = { bytes: Number.POSITIVE_INFINITY };
  const sockets = new Set();
  const accept = (client) => {
    const upstream = dial();
    let left = proxy.bytes;
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => {
        sockets.delete(socket);
        client.destroy();
        upstream.destroy();
      });
    }
    client.on("data", (data) => {
      if (refuseWebSocket && data.toString("latin1").startsWith("GET /execute/ws")) {
        client.end(REFUSED);
      } else {
        upstream.write(data);
      }
    });
    upstream.on("data", (data) => {
      client.write(data.subarray(0, Math.min(left, data.length)), () => {
        left -= data.length;
        if (left <= 0) client.destroy();
      });
    });
  };
  const server = reads ? createEncrypted(identity, accept) : createServer(accept);
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    return await use(`${protocol}//127.0.0.1:${server.address().port}`, proxy);
  } finally {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  }
}
