// A tiny client of Docker's HTTP API over its Unix socket: what the tests and benchmarks look at, they
// see without the package under test.

import http from "node:http";

/** Path of the daemon's socket. */
export const socketPath = (process.env.DOCKER_HOST ?? "unix:///var/run/docker.sock").replace(
  /^unix:\/\//,
  "",
);

const agent = new http.Agent({ keepAlive: true, maxSockets: 16 });

/** One request; resolves with `{status, body}`, the body as parsed JSON, text, or a Buffer if `raw`. */
export function docker(method, path, body, { raw = false } = {}) {
  return new Promise((resolve, reject) => {
    const payload = body === undefined ? undefined : JSON.stringify(body);
    const headers = payload
      ? { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(payload) }
      : {};
    const request = http.request(
      { socketPath, method, path: `/v1.41${path}`, headers, agent },
      (response) => {
        const chunks = [];
        response.on("data", (chunk) => chunks.push(chunk));
        response.on("error", reject);
        response.on("end", () => {
          const bytes = Buffer.concat(chunks);
          resolve({ status: response.statusCode, body: raw ? bytes : parse(bytes) });
        });
      },
    );
    request.on("error", reject);
    request.end(payload);
  });
}

function parse(bytes) {
  const text = bytes.toString("utf8");
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** What Docker knows of a container; undefined when it is gone. */
export async function inspect(id) {
  const { status, body } = await docker("GET", `/containers/${id}/json`);
  return status === 404 ? undefined : body;
}

/** Ids of all sandboxes of isol8 on this daemon, whoever made them. */
export async function sandboxes() {
  const filters = encodeURIComponent(JSON.stringify({ label: ["isol8.managed=true"] }));
  const { body } = await docker("GET", `/containers/json?all=1&filters=${filters}`);
  return body.map(({ Id }) => Id);
}
