"use strict";
// Requests to an isol8 server: address, key, and error messages.

const { throwIfAborted } = require("../errors.cjs");
const { bodyText } = require("./body.cjs");
const { MAX_ANSWER, describe, objectIn, remoteError } = require("./message.cjs");

/** Most bytes of an answer that explains an error. */
const MAX_ERROR = 1024 * 1024;

/** The form of error codes. A server may be newer than this client and have other ones. */
const ERROR_CODE = /^ISOL8_[A-Z_]{1,64}$/;

/**
 * Returns the server's error message and its code, or the status when there is none. A server answers with `{error}`,
 * and ours with `{error, code}`. A proxy in between may answer with anything.
 */
async function reason(response) {
  const text = await bodyText(response, MAX_ERROR).catch(() => "");
  const { error, code } = objectIn(text) ?? {};
  // Without the server's JSON the status helps more than a page of markup.
  if (typeof error !== "string" || error === "") return { reason: `HTTP ${response.status}` };
  return { reason: error, code: ERROR_CODE.test(code) ? code : undefined };
}

/** Milliseconds that a server may take to say that it is well. */
const HEALTH_PATIENCE_MS = 30_000;

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
    const signal = AbortSignal.timeout(HEALTH_PATIENCE_MS);
    try {
      const response = await fetchWithin(`${this.host}/health`, { method: "GET", signal });
      await response.body?.cancel();
      return response;
    } catch (cause) {
      const why = signal.aborted
        ? `the server has not answered for ${HEALTH_PATIENCE_MS / 1000} s`
        : describe(cause);
      throw remoteError(`${failure}: ${why}`, { cause });
    }
  }

  /** Sends a request, whose body is JSON. An error status and a failed connection both throw, with `failure` as prefix of the message. */
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
        body,
      });
    } catch (cause) {
      throwIfAborted(signal);
      throw remoteError(`${failure}: ${describe(cause)}`, { cause });
    }
    if (!response.ok) {
      const { reason: why, code } = await reason(response);
      throwIfAborted(signal);
      throw remoteError(`${failure}: ${why}`, { code });
    }
    return response;
  }

  /** Sends a request and returns the JSON object of the answer. Anything else throws as a failed connection does. */
  async json(method, path, failure, options = {}) {
    const response = await this.send(method, path, failure, options);
    let text;
    try {
      text = await bodyText(response, MAX_ANSWER);
    } catch (cause) {
      throwIfAborted(options.signal);
      throw remoteError(`${failure}: ${describe(cause)}`, { cause });
    }
    const answer = objectIn(text);
    if (answer === undefined)
      throw remoteError(`${failure}: the server's answer is no JSON object`);
    return answer;
  }
}

module.exports = { Http };
