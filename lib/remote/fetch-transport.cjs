"use strict";
// The transport of platforms without the native package: `fetch` and, where there is one, `WebSocket`.

const { checkFetchHost } = require("./host.cjs");
const { Http } = require("./http.cjs");
const { MAX_ANSWER, remoteError } = require("./message.cjs");
const sse = require("./sse.cjs");
const websocket = require("./websocket.cjs");

/** Characters of events that may wait for a slow loop, besides those that the options explain. */
const MAX_WAITING = 256 * 1024 * 1024;

/** Most characters that JSON makes of a byte, for standard output and standard error together. */
const CHARACTERS_OF_A_BYTE = 12;

class FetchTransport {
  #http;
  #useWebSocket = websocket.available();

  constructor(host, apiKey) {
    this.#http = new Http(checkFetchHost(host), apiKey);
  }

  async health() {
    const failure = "Remote server health check failed";
    const response = await this.#http.health(failure);
    if (!response.ok) throw remoteError(`${failure}: ${response.status}`);
  }

  execute(body, signal) {
    return this.#http.json("POST", "/execute", "Execution failed", { body, signal });
  }

  /** Yields events by WebSocket. Uses SSE where the platform has no WebSocket or the first attempt does not open. */
  async *events(body, { signal, options, hasFiles, conclude }) {
    if (this.#useWebSocket) {
      const url = `${this.#http.host.replace(/^http/i, "ws")}/execute/ws`;
      const message = `{"type":"execute",${body.slice(1)}`;
      const output = CHARACTERS_OF_A_BYTE * (Number(options.maxOutputSize) || 0);
      const maxWaiting = MAX_WAITING + output + (hasFiles ? MAX_ANSWER : 0);
      const call = { signal, maxWaiting, conclude };
      try {
        yield* websocket.events(url, this.#http.headers, message, call);
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
    yield* sse.events(response.body, conclude);
  }

  async putFile(sessionId, path, data) {
    const body = JSON.stringify({ sessionId, path, content: data.toString("base64") });
    const response = await this.#http.send("POST", "/file", "File upload failed", { body });
    await response.body?.cancel();
  }

  async getFile(sessionId, path) {
    const failure = "File download failed";
    const query = new URLSearchParams({ sessionId, path });
    const { content } = await this.#http.json("GET", `/file?${query}`, failure);
    if (typeof content !== "string") throw remoteError(`${failure}: the answer has no content`);
    return Buffer.from(content, "base64");
  }

  sessions() {
    return this.#http.json("GET", "/sessions", "Failed to list sessions");
  }

  async deleteSession(id) {
    const path = `/session/${encodeURIComponent(id)}`;
    const response = await this.#http.send("DELETE", path, "Failed to delete session");
    await response.body?.cancel();
  }
}

module.exports = { FetchTransport };
