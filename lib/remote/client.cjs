"use strict";
// RemoteIsol8: the interface of an engine, carried out by an isol8 server. What is sent and received is the work of a
// transport: that of the native package, or that of `fetch`.

const { onAbort, outputCallbacks, signalOf, textOf } = require("../call-options.cjs");
const { errorCodes } = require("../constants.json");
const { Isol8Error, abortReason, errorFrom, throwIfAborted } = require("../errors.cjs");
const { eventStream, withoutOutput } = require("../event-stream.cjs");
const { objectOf, toJson, wellFormed } = require("../json.cjs");
const { bytes, filesOf, requestOf } = require("../request.cjs");
const { UnknownKeys } = require("../unknown-keys.cjs");
const { checkHost } = require("./host.cjs");
const { describe, remoteError } = require("./message.cjs");

const { invalidOption: INVALID_OPTION, invalidRequest: INVALID_REQUEST } = errorCodes;

const NO_SESSION = "File operations require a sessionId (persistent mode)";

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

/**
 * Returns the class whose instances send and receive by `connect(host, apiKey)`, a transport:
 *
 * - `health()`, `putFile(sessionId, path, bytes)`, `deleteSession(id)`: resolve with nothing
 * - `execute(json, signal)`: resolves with the result
 * - `events(json, { signal, options, hasFiles, conclude })`: yields events, and hands the result to `conclude`
 * - `getFile(sessionId, path)`: resolves with a Buffer
 * - `sessions()`: resolves with the server's answer
 */
function remoteClass(connect) {
  return class RemoteIsol8 {
    #transport;
    #sessionId;
    #options;
    #unknown = new UnknownKeys();

    constructor(connection, options = undefined) {
      const { host, apiKey, sessionId } = objectOf(connection, "connection", INVALID_OPTION);
      // Without a key the server refuses each call, and a caller that makes none needs no key.
      const key = textOf(apiKey ?? "", "apiKey", INVALID_OPTION);
      this.#sessionId = textOf(sessionId ?? "", "sessionId", INVALID_OPTION);
      this.#options = objectOf(options ?? {}, "options", INVALID_OPTION);
      this.#unknown.inConnection(connection);
      this.#unknown.inOptions(this.#options);
      this.#transport = connect(checkHost(textOf(host, "host", INVALID_OPTION)), key);
    }

    #body(request, more = {}) {
      const body = { request: wireRequest(request), ...more };
      this.#unknown.inRequest(request);
      const { docker: _local, ...options } = this.#options;
      if (Object.keys(options).length > 0) body.options = options;
      if (this.#sessionId) body.sessionId = this.#sessionId;
      return toJson(body, INVALID_REQUEST);
    }

    async start(options = {}) {
      this.#unknown.inStart(objectOf(options ?? {}, "options", INVALID_OPTION));
      await this.ping();
    }

    async ping() {
      await this.#transport.health();
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
      const result = await this.#transport.execute(this.#body(request), signal);
      // The server sends the output with the result.
      if (result.stdout) await callbacks?.stdout?.(result.stdout);
      if (result.stderr) await callbacks?.stderr?.(result.stderr);
      return result;
    }

    executeStream(request, options) {
      const canceller = new AbortController();
      let result;
      const conclude = (value) => {
        result = withoutOutput(value);
      };
      const events = this.#stream(request, { options, canceller, conclude });
      return eventStream(
        events,
        () => canceller.abort(),
        () => result,
      );
    }

    async *#stream(request, { options, canceller, conclude }) {
      const signal = signalOf(options);
      throwIfAborted(signal);
      const body = this.#body(request, { result: true });
      const unlisten = onAbort(signal, () => canceller.abort());
      const hasFiles = (request.outputPaths ?? []).length > 0;
      const call = { signal: canceller.signal, options: this.#options, hasFiles, conclude };
      let complete = false;
      try {
        for await (const event of this.#transport.events(body, call)) {
          throwIfAborted(signal);
          complete = isLast(event) || isEngineError(event);
          yield event;
          if (isLast(event)) return;
        }
      } catch (error) {
        if (signal?.aborted) throw abortReason(signal);
        // The loop was left.
        if (canceller.signal.aborted) return;
        if (error instanceof Isol8Error) throw error;
        throw remoteError(`Stream failed: ${describe(error)}`, { cause: error });
      } finally {
        unlisten();
      }
      throwIfAborted(signal);
      if (!complete && !canceller.signal.aborted)
        throw remoteError("Stream failed: the connection ended before the program did");
    }

    #needSession() {
      if (!this.#sessionId)
        throw errorFrom({ code: errorCodes.noActiveContainer, message: NO_SESSION });
    }

    async putFile(path, content) {
      this.#needSession();
      const data = bytes(path, content);
      await this.#transport.putFile(this.#sessionId, wellFormed(textOf(path, "path")), data);
    }

    async getFile(path) {
      this.#needSession();
      return this.#transport.getFile(this.#sessionId, wellFormed(textOf(path, "path")));
    }

    async listSessions() {
      const { sessions } = await this.#transport.sessions();
      if (Array.isArray(sessions)) return sessions;
      throw remoteError("Failed to list sessions: the answer has no sessions");
    }

    async deleteSession(id) {
      await this.#transport.deleteSession(wellFormed(textOf(id, "id")));
    }

    /** Always null: the containers belong to the server. */
    get containerId() {
      return null;
    }
  };
}

module.exports = { remoteClass };
