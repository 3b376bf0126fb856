"use strict";
// RemoteIsol8 of the package: native where there is a native package for the platform, and without native code
// elsewhere.

const { onAbort } = require("./call-options.cjs");
const { errorCodes } = require("./constants.json");
const { abortReason, converted, errorFrom, unwrap } = require("./errors.cjs");
const { native } = require("./native.cjs");
const { remoteClass } = require("./remote/client.cjs");
const { FetchTransport } = require("./remote/fetch-transport.cjs");

class NativeTransport {
  #native;
  #remote;

  constructor(module, host, apiKey) {
    this.#native = module;
    this.#remote = converted(() => new module.NativeRemote(host, apiKey, true));
  }

  async health() {
    unwrap(await this.#remote.health());
  }

  async execute(body, signal) {
    const cancel = new this.#native.NativeCancel();
    const unlisten = onAbort(signal, () => cancel.cancel());
    try {
      const outcome = await this.#remote.execute(body, cancel);
      if (signal?.aborted && outcome.error) throw abortReason(signal);
      return JSON.parse(unwrap(outcome).result);
    } finally {
      unlisten();
    }
  }

  /** Yields events. The program runs only as fast as the consumer takes them. */
  async *events(body, { signal, conclude }) {
    if (signal.aborted) return;
    const stream = this.#remote.stream(body);
    const unlisten = onAbort(signal, () => stream.cancel());
    try {
      for (;;) {
        const { events, error, result } = await stream.recv();
        if (error) throw errorFrom(error);
        if (result) conclude(JSON.parse(result));
        if (!events) return;
        yield* events;
      }
    } finally {
      unlisten();
      stream.cancel();
    }
  }

  async putFile(sessionId, path, data) {
    unwrap(await this.#remote.putFile(sessionId, path, data));
  }

  async getFile(sessionId, path) {
    return unwrap(await this.#remote.getFile(sessionId, path)).data;
  }

  async sessions() {
    return JSON.parse(unwrap(await this.#remote.sessions()).result);
  }

  async deleteSession(id) {
    unwrap(await this.#remote.deleteSession(id));
  }
}

/** Returns the native module, or undefined where there is none. */
function nativeModule() {
  try {
    return native();
  } catch (error) {
    if (error.code === errorCodes.nativeUnavailable) return undefined;
    throw error;
  }
}

const RemoteIsol8 = remoteClass((host, apiKey) => {
  const module = nativeModule();
  return module === undefined
    ? new FetchTransport(host, apiKey)
    : new NativeTransport(module, host, apiKey);
});

module.exports = { RemoteIsol8 };
