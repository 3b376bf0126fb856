"use strict";
// RemoteIsol8: the interface of an engine, carried out by an isol8 server.

const { errorCodes } = require("../constants.json");
const { abortReason, errorFrom, throwIfAborted } = require("../errors.cjs");
const { bytes } = require("../request.cjs");
const { Http, describe, remoteError } = require("./http.cjs");
const sse = require("./sse.cjs");
const websocket = require("./websocket.cjs");

const NO_SESSION = "File operations require a sessionId (persistent mode)";

/** Returns a request for JSON. Text stays text; bytes become base64, so that every byte arrives unchanged. */
function wireRequest(request) {
  if (!request.files) return request;
  const files = Object.entries(request.files).map(([path, content]) => [
    path,
    typeof content === "string"
      ? content
      : { type: "base64", data: bytes(path, content).toString("base64") },
  ]);
  return { ...request, files: Object.fromEntries(files) };
}

/** Whether an event is the last one. After a setup phase with exit code 0 the program follows. */
const isLast = ({ type, phase, data }) => type === "exit" && !(phase === "setup" && data === "0");

/** Whether an event says that nothing was run. It has no phase, and the stream ends without an exit event. */
const isRefusal = ({ type, phase }) => type === "error" && phase === undefined;

/** The symbol of `await using`. Node 18 may lack it. */
const asyncDispose = Symbol.asyncDispose ?? Symbol.for("Symbol.asyncDispose");

class RemoteIsol8 {
  #http;
  #sessionId;
  #options;
  #useWebSocket = websocket.available();

  constructor({ host, apiKey, sessionId }, options = undefined) {
    this.#http = new Http(host, apiKey);
    this.#sessionId = sessionId;
    this.#options = options;
  }

  #body(request) {
    const body = { request: wireRequest(request) };
    if (this.#options) {
      const { docker: _local, ...options } = this.#options;
      body.options = options;
    }
    if (this.#sessionId) body.sessionId = this.#sessionId;
    return body;
  }

  async start(_options = {}) {
    const failure = "Remote server health check failed";
    const response = await this.#http.health(failure);
    if (!response.ok) throw remoteError(`${failure}: ${response.status}`);
  }

  async stop() {
    if (this.#sessionId) await this.deleteSession(this.#sessionId);
  }

  async [asyncDispose]() {
    await this.stop();
  }

  async execute(request, { signal, onStdout, onStderr } = {}) {
    throwIfAborted(signal);
    const body = this.#body(request);
    const response = await this.#http.send("POST", "/execute", "Execution failed", {
      body,
      signal,
    });
    const result = await response.json();
    // The server sends the output with the result.
    if (result.stdout) await onStdout?.(result.stdout);
    if (result.stderr) await onStderr?.(result.stderr);
    return result;
  }

  async *executeStream(request, { signal } = {}) {
    throwIfAborted(signal);
    const body = this.#body(request);
    let complete = false;
    try {
      for await (const event of this.#events(body, signal)) {
        throwIfAborted(signal);
        complete = isLast(event) || isRefusal(event);
        yield event;
        if (isLast(event)) return;
      }
    } catch (error) {
      if (signal?.aborted) throw abortReason(signal);
      if (error.message?.startsWith("Stream failed: ")) throw error;
      throw remoteError(`Stream failed: ${describe(error)}`, { cause: error });
    }
    throwIfAborted(signal);
    if (!complete) throw remoteError("Stream failed: the connection ended before the program did");
  }

  /** Yields events by WebSocket. Uses SSE where the platform has no WebSocket or the first attempt does not open. */
  async *#events(body, signal) {
    if (this.#useWebSocket) {
      const url = `${this.#http.host.replace(/^http/i, "ws")}/execute/ws`;
      const message = { type: "execute", ...body };
      try {
        yield* websocket.events(url, this.#http.headers, message, signal);
        return;
      } catch (error) {
        if (!(error instanceof websocket.NotOpened)) throw error;
        this.#useWebSocket = false;
      }
    }
    const response = await this.#http.send("POST", "/execute/stream", "Stream failed", {
      body,
      signal,
      accept: "text/event-stream",
    });
    yield* sse.events(response.body);
  }

  #needSession() {
    if (!this.#sessionId)
      throw errorFrom({ code: errorCodes.noActiveContainer, message: NO_SESSION });
  }

  async putFile(path, content) {
    this.#needSession();
    const body = {
      sessionId: this.#sessionId,
      path,
      content: bytes(path, content).toString("base64"),
    };
    const response = await this.#http.send("POST", "/file", "File upload failed", { body });
    await response.body?.cancel();
  }

  async getFile(path) {
    this.#needSession();
    const query = new URLSearchParams({ sessionId: this.#sessionId, path });
    const response = await this.#http.send("GET", `/file?${query}`, "File download failed");
    const { content } = await response.json();
    return Buffer.from(content, "base64");
  }

  async listSessions() {
    const response = await this.#http.send("GET", "/sessions", "Failed to list sessions");
    const { sessions } = await response.json();
    return sessions;
  }

  async deleteSession(id) {
    const path = `/session/${encodeURIComponent(id)}`;
    const response = await this.#http.send("DELETE", path, "Failed to delete session");
    await response.body?.cancel();
  }

  /** Always null: the containers belong to the server. */
  get containerId() {
    return null;
  }
}

module.exports = { RemoteIsol8 };
