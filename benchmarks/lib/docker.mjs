// Docker's HTTP API over its Unix socket, with Node's own HTTP client. Comparisons use it directly, without a client
// library.

import http from "node:http";

const API = "/v1.41";

/** Longest wait for an answer, in milliseconds. */
const ANSWER_TIMEOUT = 120_000;

const socketPath = unixSocket(process.env.DOCKER_HOST ?? "unix:///var/run/docker.sock");
const agent = new http.Agent({ keepAlive: true, maxSockets: 32 });

function unixSocket(host) {
  if (!host.startsWith("unix://")) {
    throw new Error(`the benchmarks need Docker's Unix socket, DOCKER_HOST is ${host}`);
  }
  return host.slice("unix://".length);
}

/** Starts a request. Calls `onResponse` with the response or `onUpgrade` with the raw connection. */
function send(method, path, { body, headers = {}, agent, reject, onResponse, onUpgrade }) {
  const payload = body === undefined ? "" : JSON.stringify(body);
  const request = http.request({
    socketPath,
    method,
    path: API + path,
    agent,
    headers: {
      "Content-Type": "application/json",
      "Content-Length": Buffer.byteLength(payload),
      ...headers,
    },
  });
  request.setTimeout(ANSWER_TIMEOUT, () =>
    request.destroy(new Error(`${method} ${path}: Docker does not answer`)),
  );
  request.on("error", reject);
  request.on("response", onResponse);
  if (onUpgrade) request.on("upgrade", onUpgrade);
  request.end(payload);
  return request;
}

/** Returns the whole body of a response. */
function bodyOf(response) {
  return new Promise((resolve, reject) => {
    const chunks = [];
    response.on("data", (chunk) => chunks.push(chunk));
    response.on("end", () => resolve(Buffer.concat(chunks)));
    response.on("error", reject);
  });
}

function failure(method, path, status, body) {
  const error = new Error(`${method} ${path}: ${status} ${body.toString("utf8").slice(0, 300)}`);
  error.status = status;
  return error;
}

/** Makes one call. Resolves with the JSON of the response, or undefined if it has no body. */
export function docker(method, path, body) {
  return new Promise((resolve, reject) => {
    const onResponse = async (response) => {
      try {
        const bytes = await bodyOf(response);
        if (response.statusCode >= 400) throw failure(method, path, response.statusCode, bytes);
        resolve(bytes.length > 0 ? JSON.parse(bytes.toString("utf8")) : undefined);
      } catch (error) {
        reject(error);
      }
    };
    send(method, path, { body, agent, reject, onResponse });
  });
}

/** Returns the output of docker inspect for a container, or undefined when it is gone. */
export async function inspect(id) {
  try {
    return await docker("GET", `/containers/${id}/json`);
  } catch (error) {
    if (error.status === 404) return undefined;
    throw error;
  }
}

/** Splits Docker's frames: `push` takes bytes of the connection, and `onData` receives the payloads. */
export class Demultiplexer {
  #onData;
  #pending = Buffer.alloc(0);
  #left = 0;
  #stream = 0;

  constructor(onData) {
    this.#onData = onData;
  }

  push(bytes) {
    let input = this.#pending.length > 0 ? Buffer.concat([this.#pending, bytes]) : bytes;
    for (;;) {
      if (this.#left === 0) {
        if (input.length < 8) break;
        this.#stream = input[0];
        this.#left = input.readUInt32BE(4);
        input = input.subarray(8);
      }
      const part = input.subarray(0, this.#left);
      if (part.length === 0 && this.#left > 0) break;
      this.#left -= part.length;
      input = input.subarray(part.length);
      if (part.length > 0) this.#onData(part, this.#stream);
    }
    this.#pending = input;
  }
}

/**
 * Runs a program the common way, by `docker exec`: create, start with the output attached, inspect for the
 * exit code.
 *
 * @returns {Promise<{stdout: string, exitCode: number}>}
 */
export async function dockerExec(container, { argv, env, user, cwd }) {
  const { Id } = await docker("POST", `/containers/${container}/exec`, {
    Cmd: argv,
    Env: env,
    User: user,
    WorkingDir: cwd,
    AttachStdout: true,
    AttachStderr: true,
  });
  const chunks = { 1: [], 2: [] };
  const frames = new Demultiplexer((part, stream) => chunks[stream].push(part));
  await new Promise((resolve, reject) => {
    const path = `/exec/${Id}/start`;
    const onResponse = (response) => {
      if (response.statusCode >= 400) {
        bodyOf(response).then(
          (body) => reject(failure("POST", path, response.statusCode, body)),
          reject,
        );
        return;
      }
      response.on("data", (bytes) => frames.push(bytes));
      response.on("end", resolve);
      response.on("error", reject);
    };
    send("POST", path, { body: { Detach: false, Tty: false }, reject, onResponse });
  });
  const { ExitCode } = await docker("GET", `/exec/${Id}/json`);
  const text = (stream) => Buffer.concat(chunks[stream]).toString("utf8");
  return { stdout: text(1), stderr: text(2), exitCode: ExitCode };
}

/** Attaches to the streams of a container. Returns the raw connection, for both directions. */
export function attach(container) {
  const path = `/containers/${container}/attach?stream=1&stdin=1&stdout=1&stderr=1`;
  return new Promise((resolve, reject) => {
    const onResponse = async (response) =>
      reject(failure("POST", path, response.statusCode, await bodyOf(response)));
    const onUpgrade = (_response, socket, head) => {
      if (head.length > 0) socket.unshift(head);
      socket.setTimeout(0);
      resolve(socket);
    };
    const headers = { Connection: "Upgrade", Upgrade: "tcp" };
    send("POST", path, { headers, reject, onResponse, onUpgrade });
  });
}
