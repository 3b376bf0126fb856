"use strict";
// RemoteIsol8: the interface of an engine, carried out by an isol8 server.

const { outputCallbacks, signalOf, textOf } = require("../call-options.cjs");
const { errorCodes } = require("../constants.json");
const { Isol8Error, abortReason, errorFrom, throwIfAborted } = require("../errors.cjs");
const { objectOf, toJson, wellFormed } = require("../json.cjs");
const { bytes, filesOf, requestOf } = require("../request.cjs");
const { UnknownKeys } = require("../unknown-keys.cjs");
const { Http, describe, remoteError } = require("./http.cjs");
const sse = require("./sse.cjs");
const websocket = require("./websocket.cjs");

const { invalidOption: INVALID_OPTION, invalidRequest: INVALID_REQUEST } = errorCodes;

const NO_SESSION = "File operations require a sessionId (persistent mode)";

/** Characters of events that may wait for a slow loop, besides those that the option `maxOutputSize` explains. */
const MAX_WAITING = 256 * 1024 * 1024;

/** Most characters that JSON makes of a byte, for standard output and standard error together. */
const CHARACTERS_OF_A_BYTE = 12;

/** Returns a request for JSON. Texts stay, and bytes of files become base64, so that every byte arrives unchanged. */
function wireRequest(request) {
  const fields = requestOf(request);
  if (!request.files) return fields;
  const files = Object.entries(filesOf(request)).map(([path, content]) => [
    path,
    typeof content === "string"
      ? content
      : { type: "base64", data: bytes(path, content).toString("base64") },
  ]);
  return { ...fields, files: Object.fromEntries(files) };
}

/** Whether an event is the last one. After a setup phase with exit code 0 the program follows. */
const isLast = ({ type, phase, data }) => type === "exit" && !(phase === "setup" && data === "0");

/** Whether an event is an error of the engine. It has no phase, and the stream ends without an exit event. */
const isEngineError = ({ type, phase }) => type === "error" && phase === undefined;

/** The symbol of `await using`. Node 18 may lack it. */
const asyncDispose = Symbol.asyncDispose ?? Symbol.for("Symbol.asyncDispose");

class RemoteIsol8 {
  #http;
  #sessionId;
  #options;
  #unknown = new UnknownKeys();
  #useWebSocket = websocket.available();

  constructor(connection, options = undefined) {
    const { host, apiKey, sessionId } = objectOf(connection, "connection", INVALID_OPTION);
    this.#http = new Http(
      textOf(host, "host", INVALID_OPTION),
      // Without a key the server refuses each call, and a caller that makes none needs no key.
      textOf(apiKey ?? "", "apiKey", INVALID_OPTION),
    );
    this.#sessionId = textOf(sessionId ?? "", "sessionId", INVALID_OPTION);
    this.#options = objectOf(options ?? {}, "options", INVALID_OPTION);
    this.#unknown.inOptions(this.#options);
  }

  #body(request) {
    const body = { request: wireRequest(request) };
    this.#unknown.inRequest(request);
    const { docker: _local, ...options } = this.#options;
    if (Object.keys(options).length > 0) body.options = options;
    if (this.#sessionId) body.sessionId = this.#sessionId;
    return body;
  }

  async start(options = {}) {
    this.#unknown.inStart(objectOf(options ?? {}, "options", INVALID_OPTION));
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

  async execute(request, options) {
    const signal = signalOf(options);
    const callbacks = outputCallbacks(options);
    throwIfAborted(signal);
    const body = this.#body(request);
    const result = await this.#http.json("POST", "/execute", "Execution failed", { body, signal });
    // The server sends the output with the result.
    if (result.stdout) await callbacks?.stdout?.(result.stdout);
    if (result.stderr) await callbacks?.stderr?.(result.stderr);
    return result;
  }

  async *executeStream(request, options) {
    const signal = signalOf(options);
    throwIfAborted(signal);
    const body = this.#body(request);
    let complete = false;
    try {
      for await (const event of this.#events(body, signal)) {
        throwIfAborted(signal);
        complete = isLast(event) || isEngineError(event);
        yield event;
        if (isLast(event)) return;
      }
    } catch (error) {
      if (signal?.aborted) throw abortReason(signal);
      if (error instanceof Isol8Error) throw error;
      throw remoteError(`Stream failed: ${describe(error)}`, { cause: error });
    }
    throwIfAborted(signal);
    if (!complete) throw remoteError("Stream failed: the connection ended before the program did");
  }

  /** Yields events by WebSocket. Uses SSE where the platform has no WebSocket or the first attempt does not open. */
  async *#events(body, signal) {
    if (this.#useWebSocket) {
      const url = `${this.#http.host.replace(/^http/i, "ws")}/execute/ws`;
      const message = toJson({ type: "execute", ...body }, INVALID_REQUEST);
      const explained = CHARACTERS_OF_A_BYTE * (Number(this.#options.maxOutputSize) || 0);
      const limits = { signal, maxWaiting: MAX_WAITING + explained };
      try {
        yield* websocket.events(url, this.#http.headers, message, limits);
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
      path: textOf(path, "path"),
      content: bytes(path, content).toString("base64"),
    };
    const response = await this.#http.send("POST", "/file", "File upload failed", { body });
    await response.body?.cancel();
  }

  async getFile(path) {
    this.#needSession();
    const failure = "File download failed";
    const query = new URLSearchParams({ sessionId: this.#sessionId, path: textOf(path, "path") });
    const { content } = await this.#http.json("GET", `/file?${query}`, failure);
    if (typeof content !== "string") throw remoteError(`${failure}: the answer has no content`);
    return Buffer.from(content, "base64");
  }

  async listSessions() {
    const failure = "Failed to list sessions";
    const { sessions } = await this.#http.json("GET", "/sessions", failure);
    if (!Array.isArray(sessions)) throw remoteError(`${failure}: the answer has no sessions`);
    return sessions;
  }

  async deleteSession(id) {
    const path = `/session/${encodeURIComponent(wellFormed(textOf(id, "id")))}`;
    const response = await this.#http.send("DELETE", path, "Failed to delete session");
    await response.body?.cancel();
  }

  /** Always null: the containers belong to the server. */
  get containerId() {
    return null;
  }
}

module.exports = { RemoteIsol8 };
