"use strict";
// Requests to an isol8 server: address, key, and error messages.

const { errorCodes } = require("../constants.json");
const { errorFrom } = require("../errors.cjs");

/** The code of errors for which the server names none. */
const REMOTE = errorCodes.remote;

/** Makes the error of a failed request. */
const remoteError = (message, { code = REMOTE, cause } = {}) => errorFrom({ code, message, cause });

/**
 * Returns the server's error message and its code, or the status when there is none. A server answers with `{error}`,
 * and ours with `{error, code}`. A proxy in between may answer with anything.
 */
async function reason(response) {
  const text = await response.text().catch(() => "");
  try {
    const { error, code } = JSON.parse(text);
    if (typeof error === "string" && error !== "") {
      return { reason: error, code: typeof code === "string" ? code : undefined };
    }
  } catch {
    // The body is not the server's JSON. The status helps more than a page of markup.
  }
  return { reason: `HTTP ${response.status}` };
}

/** Most redirects that one request follows. */
const MAX_REDIRECTS = 5;

/** Status codes after which the request is repeated as it was. After the others it becomes a GET. */
const REPEATED = [307, 308];
const REDIRECTS = [301, 302, 303, ...REPEATED];

/**
 * Sends a request and follows redirects within the origin of `url`. Another origin is refused, because the request
 * carries the key, the program and its secrets. Nothing is sent there.
 */
async function fetchWithin(url, init) {
  let [target, options] = [new URL(url), init];
  for (let count = 0; count <= MAX_REDIRECTS; count++) {
    const response = await fetch(target, { ...options, redirect: "manual" });
    const location = REDIRECTS.includes(response.status) && response.headers.get("location");
    if (!location) return response;
    await response.body?.cancel();
    const next = new URL(location, target);
    if (next.origin !== target.origin) {
      throw new Error(
        `the server redirects to another origin, ${next.origin}, which is refused. ` +
          "If this is the right server, use its address as host.",
      );
    }
    if (!REPEATED.includes(response.status) && options.method !== "GET") {
      const { "Content-Type": _type, ...headers } = options.headers;
      options = { ...options, headers, method: "GET", body: undefined };
    }
    target = next;
  }
  throw new Error(`the server redirects more than ${MAX_REDIRECTS} times`);
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

  /** Returns the response of the server's health check, which needs no key. */
  async health(failure) {
    try {
      const response = await fetchWithin(`${this.host}/health`, { method: "GET" });
      await response.body?.cancel();
      return response;
    } catch (cause) {
      throw remoteError(`${failure}: ${describe(cause)}`, { cause });
    }
  }

  /** Sends a request. An error status and a failed connection both throw, with `failure` as prefix of the message. */
  async send(method, path, failure, { body, signal, accept } = {}) {
    const headers = { ...this.headers };
    if (body !== undefined) headers["Content-Type"] = "application/json";
    if (accept) headers.Accept = accept;
    let response;
    try {
      response = await fetchWithin(`${this.host}${path}`, {
        method,
        headers,
        signal,
        body: body === undefined ? undefined : JSON.stringify(body),
      });
    } catch (cause) {
      if (signal?.aborted) throw cause;
      throw remoteError(`${failure}: ${describe(cause)}`, { cause });
    }
    if (!response.ok) {
      const { reason: why, code } = await reason(response);
      throw remoteError(`${failure}: ${why}`, { code });
    }
    return response;
  }
}

/** Returns the message of an error. `fetch` puts the reason of a failure into `cause`. */
function describe(error) {
  return error?.cause?.message || error?.message || String(error);
}

module.exports = { Http, describe, remoteError };
