"use strict";
// A counting semaphore, part of the public API. It serves waiters in the order of their calls.

const { errorCodes } = require("./constants.json");
const { Isol8Error, errorFrom, shown } = require("./errors.cjs");
const { objectOf } = require("./json.cjs");

/** Longest time that a timer can wait, in milliseconds. */
const LONGEST_MS = 2 ** 31 - 1;

const CODE = errorCodes.tooManyRequests;

/** As many callers wait already as may. */
class QueueFullError extends Isol8Error {
  constructor() {
    super("Too many requests — queue is full", { code: CODE });
  }
}

/** A caller has waited for as long as one may. */
class QueueTimeoutError extends Isol8Error {
  /** @param {number} timeoutMs how long it has waited, in milliseconds */
  constructor(timeoutMs) {
    super(`Request timed out waiting in queue after ${timeoutMs}ms`, { code: CODE });
  }
}

for (const kind of [QueueFullError, QueueTimeoutError]) {
  const value = kind.name;
  Object.defineProperty(kind.prototype, "name", { value, configurable: true, writable: true });
}

function refuse(message) {
  throw errorFrom({ code: errorCodes.invalidOption, message });
}

class Semaphore {
  #max;
  #maxSize;
  #timeoutMs;
  #taken = 0;
  /** Those who wait, in order. Each is called when it has a permit. */
  #waiting = new Set();

  /**
   * @param {number} max number of permits, at least 1
   * @param {{maxSize?: number, timeoutMs?: number}} options most callers that wait, and how long one waits. 0: any number, and
   *   for ever
   */
  constructor(max, options = {}) {
    const { maxSize = 0, timeoutMs = 0 } = objectOf(options, "options", errorCodes.invalidOption);
    if (!(max >= 1)) refuse("Semaphore max must be >= 1");
    if (!(maxSize >= 0)) {
      refuse(`Invalid maxSize: ${shown(maxSize)}. It must be a number of at least 0.`);
    }
    if (!(timeoutMs >= 0 && timeoutMs <= LONGEST_MS)) {
      refuse(
        `Invalid timeoutMs: ${shown(timeoutMs)}. It must be a number from 0 to ${LONGEST_MS}.`,
      );
    }
    this.#max = max;
    this.#maxSize = maxSize;
    this.#timeoutMs = timeoutMs;
  }

  /**
   * Resolves when the caller holds a permit. Each `acquire` that resolves needs one `release`. Rejects with a `QueueFullError`
   * or a `QueueTimeoutError`.
   */
  acquire() {
    if (this.available >= 1) {
      this.#taken += 1;
      return Promise.resolve();
    }
    if (this.#maxSize > 0 && this.pending >= this.#maxSize) {
      return Promise.reject(new QueueFullError());
    }
    return new Promise((resolve, reject) => {
      let timer;
      const served = () => {
        clearTimeout(timer);
        resolve();
      };
      this.#waiting.add(served);
      if (this.#timeoutMs === 0) return;
      timer = setTimeout(() => {
        this.#waiting.delete(served);
        reject(new QueueTimeoutError(this.#timeoutMs));
      }, this.#timeoutMs);
    });
  }

  /** Gives a permit back. The first waiter gets it, if there is one. A surplus `release` changes nothing. */
  release() {
    const [next] = this.#waiting;
    if (next) {
      this.#waiting.delete(next);
      next();
    } else if (this.#taken > 0) this.#taken -= 1;
  }

  /** Number of free permits. */
  get available() {
    return this.#max - this.#taken;
  }

  /** Number of callers that wait for a permit. */
  get pending() {
    return this.#waiting.size;
  }

  /** The state at the moment, under the names of a server's `GET /queue/status`. */
  get stats() {
    return {
      available: this.available,
      pending: this.pending,
      maxConcurrent: this.#max,
      maxSize: this.#maxSize,
      timeoutMs: this.#timeoutMs,
    };
  }
}

module.exports = { QueueFullError, QueueTimeoutError, Semaphore };
