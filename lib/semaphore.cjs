"use strict";
// A counting semaphore, part of the public API. It serves waiters in the order of their calls.

const { errorCodes } = require("./constants.json");
const { errorFrom } = require("./errors.cjs");

class Semaphore {
  #max;
  #taken = 0;
  #waiting = [];

  /** @param {number} max number of permits, at least 1 */
  constructor(max) {
    if (!(max >= 1)) {
      const message = "Semaphore max must be >= 1";
      throw errorFrom({ code: errorCodes.invalidOption, message });
    }
    this.#max = max;
  }

  /** Resolves when the caller holds a permit. Each `acquire` needs one `release`. */
  acquire() {
    if (this.available >= 1) {
      this.#taken += 1;
      return Promise.resolve();
    }
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }

  /** Gives a permit back. The first waiter gets it, if there is one. A surplus `release` changes nothing. */
  release() {
    const next = this.#waiting.shift();
    if (next) next();
    else if (this.#taken > 0) this.#taken -= 1;
  }

  /** Number of free permits. */
  get available() {
    return this.#max - this.#taken;
  }

  /** Number of callers that wait for a permit. */
  get pending() {
    return this.#waiting.length;
  }
}

module.exports = { Semaphore };
