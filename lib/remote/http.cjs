"use strict";
// Requests to an isol8 server: address, key, and the server's own words when it refuses.

/** What the server said, else the status: a body of `{error}` is the contract's, a proxy's may be anything. */
async function reason(response) {
  const text = await response.text().catch(() => "");
  try {
    const { error } = JSON.parse(text);
    if (typeof error === "string" && error !== "") return error;
  } catch {
    // Not the server's JSON; the status says more than a page of markup.
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

  /** A request whose refusal, and whose failure to get through, both carry `failure` as their prefix. */
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

/** `fetch` hides why it failed in `cause`. */
function describe(error) {
  return error?.cause?.message || error?.message || String(error);
}

module.exports = { Http, describe };
