"use strict";
// Requests to an isol8 server: address, key, and error messages.

/**
 * Returns the server's error message, or the status when there is none. A server answers with `{error}`. A proxy
 * in between may answer with anything.
 */
async function reason(response) {
  const text = await response.text().catch(() => "");
  try {
    const { error } = JSON.parse(text);
    if (typeof error === "string" && error !== "") return error;
  } catch {
    // The body is not the server's JSON. The status helps more than a page of markup.
  }
  return `HTTP ${response.status}`;
}

class Http {
  #key;

  constructor(host, apiKey) {
    this.host = host.endsWith("/") ? host.slice(0, -1) : host;
    this.#key = apiKey;
  }

  get headers() {
    return { Authorization: `Bearer ${this.#key}` };
  }

  /** Sends a request. An error status and a failed connection both throw, with `failure` as prefix of the message. */
  async send(method, path, failure, { body, signal, accept } = {}) {
    const headers = { ...this.headers };
    if (body !== undefined) headers["Content-Type"] = "application/json";
    if (accept) headers.Accept = accept;
    let response;
    try {
      response = await fetch(`${this.host}${path}`, {
        method,
        headers,
        signal,
        body: body === undefined ? undefined : JSON.stringify(body),
      });
    } catch (cause) {
      if (signal?.aborted) throw cause;
      throw new Error(`${failure}: ${describe(cause)}`, { cause });
    }
    if (!response.ok) throw new Error(`${failure}: ${await reason(response)}`);
    return response;
  }
}

/** Returns the message of an error. `fetch` puts the reason of a failure into `cause`. */
function describe(error) {
  return error?.cause?.message || error?.message || String(error);
}

module.exports = { Http, describe };
