"use strict";
// What the classes with a native engine share. The native engine makes all decisions. This file adds what JavaScript
// expects: errors with a code, async iterables and AbortSignal.

const { checkCallback, onAbort, outputCallbacks, signalOf, textOf } = require("./call-options.cjs");
const { defaults, errorCodes } = require("./constants.json");
const { dockerAddress } = require("./docker-address.cjs");
const {
  abortReason,
  converted,
  errorFrom,
  shown,
  throwIfAborted,
  unwrap,
} = require("./errors.cjs");
const { eventStream, withoutOutput } = require("./event-stream.cjs");
const { objectOf, toJson } = require("./json.cjs");
const { logger } = require("./logger.cjs");
const { native } = require("./native.cjs");
const { content, toNative } = require("./request.cjs");
const { UnknownKeys, isConfiguration } = require("./unknown-keys.cjs");

/** The symbol of `await using`. Node 18 may lack it. */
const asyncDispose = Symbol.asyncDispose ?? Symbol.for("Symbol.asyncDispose");

const INVALID_OPTION = errorCodes.invalidOption;

/** The largest number that crosses to the native side. */
const MOST_CONCURRENT = 2 ** 32 - 1;

/** Throws when the limit is no number of executions. */
function checkMaxConcurrent(limit) {
  if (typeof limit === "number" && limit >= 1 && limit <= MOST_CONCURRENT) return;
  const message = `Invalid maxConcurrent: ${shown(limit)}. It must be a number of at least 1.`;
  throw errorFrom({ code: INVALID_OPTION, message });
}

/** Returns the number of executions at a time when no argument gives it. A configuration has one. */
const concurrencyOf = (options) =>
  (options && isConfiguration(options) ? options.maxConcurrent : undefined) ??
  defaults.maxConcurrent;

/**
 * Calls the caller's callback with the progress of a build. What it throws has no caller, and must not end the program. It
 * may be `async`.
 */
function reportTo(onProgress, progress) {
  const report = (error) => logger.error("onProgress threw:", error);
  try {
    onProgress(JSON.parse(progress))?.catch?.(report);
  } catch (error) {
    report(error);
  }
}

class Engine {
  #native;
  #unknown = new UnknownKeys();

  /**
   * @param {{onDocker: boolean, variable?: string}} how whether the sandboxes are always containers of Docker, else the
   *   value of the environment variable that names the backend
   */
  constructor(options, maxConcurrent = concurrencyOf(options), { onDocker, variable }) {
    const { docker, onProgress, ...rest } = objectOf(options ?? {}, "options", INVALID_OPTION);
    checkCallback(onProgress, "onProgress", INVALID_OPTION);
    checkMaxConcurrent(maxConcurrent);
    const json = toJson({ ...rest, docker: dockerAddress(docker) }, INVALID_OPTION);
    const { NativeEngine } = native();
    const calls = Math.floor(maxConcurrent);
    const report = onProgress ? (progress) => reportTo(onProgress, progress) : undefined;
    this.#native = converted(() => new NativeEngine(json, calls, onDocker, variable, report));
    this.#unknown.inOptions(options ?? {});
    if (rest.debug) logger.setDebug(true);
  }

  async start(options = {}) {
    const wanted = objectOf(options ?? {}, "options", INVALID_OPTION);
    this.#unknown.inStart(wanted);
    unwrap(await this.#native.start(toJson(wanted, INVALID_OPTION)));
  }

  async ping() {
    unwrap(await this.#native.ping());
  }

  async stop() {
    await this.#native.stop();
  }

  async [asyncDispose]() {
    await this.stop();
  }

  async execute(request, options) {
    const signal = signalOf(options);
    throwIfAborted(signal);
    const callbacks = outputCallbacks(options);
    const prepared = this.#prepared(request);
    if (callbacks) {
      const stream = this.#native.executeWithEvents(prepared);
      return this.#executeWithOutput(stream, { signal, callbacks });
    }
    const cancel = new (native().NativeCancel)();
    const unlisten = onAbort(signal, () => cancel.cancel());
    try {
      const outcome = await this.#native.execute(prepared, cancel);
      if (signal?.aborted && outcome.error) throw abortReason(signal);
      return JSON.parse(unwrap(outcome).result);
    } finally {
      unlisten();
    }
  }

  #prepared(request) {
    const prepared = toNative(request);
    this.#unknown.inRequest(request);
    return prepared;
  }

  /** Hands output to callbacks while it arrives, and resolves with the whole result. */
  async #executeWithOutput(stream, { signal, callbacks }) {
    const unlisten = onAbort(signal, () => stream.cancel());
    try {
      for (;;) {
        const { events, error, result } = await stream.recv();
        throwIfAborted(signal);
        if (error) throw errorFrom(error);
        if (result) return JSON.parse(result);
        // The engine has been dropped with the process's end, which nobody sees.
        if (!events)
          throw errorFrom({ code: errorCodes.internal, message: "Internal error: no result" });
        for (const { type, phase, data } of events) {
          // A slow callback slows the program down, as a slow loop over events does.
          if (phase === "code") await callbacks[type]?.(data);
          throwIfAborted(signal);
        }
      }
    } finally {
      unlisten();
      stream.cancel();
    }
  }

  executeStream(request, options) {
    let stream;
    const cancel = () => stream?.cancel();
    const start = (signal) => {
      throwIfAborted(signal);
      stream = this.#native.stream(this.#prepared(request));
      return stream;
    };
    let result;
    const conclude = (json) => {
      result = withoutOutput(JSON.parse(json));
    };
    const events = pump(start, cancel, options, conclude);
    return eventStream(events, cancel, () => result);
  }

  async putFile(path, given) {
    unwrap(await this.#native.putFile(textOf(path, "path"), content(path, given)));
  }

  async getFile(path) {
    return unwrap(await this.#native.getFile(textOf(path, "path"))).data;
  }

  get containerId() {
    return this.#native.containerId ?? null;
  }
}

/**
 * Yields the events of one execution. The program runs only as fast as the consumer takes events.
 * `conclude` receives the result after the last event.
 */
async function* pump(start, cancel, options, conclude) {
  const signal = signalOf(options);
  const stream = start(signal);
  const unlisten = onAbort(signal, cancel);
  try {
    for (;;) {
      const { events, error, result } = await stream.recv();
      throwIfAborted(signal);
      if (error) throw errorFrom(error);
      if (result) conclude(result);
      if (!events) return;
      for (const event of events) {
        yield event;
        throwIfAborted(signal);
      }
    }
  } finally {
    unlisten();
    cancel();
  }
}

module.exports = { Engine, asyncDispose };
