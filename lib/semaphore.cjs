"use strict";
// A counting semaphore for callers. Waiters are served in the order in which they came.

class Semaphore {
  #max;
  #taken = 0;
  #waiting = [];

  /** @param {number} max how many permits there are */
  constructor(max) {
    if (!(max >= 1)) throw new Error("Semaphore max must be >= 1");
    this.#max = max;
  }

  /** Resolves when a permit is held. Each `acquire` needs one `release`. */
  acquire() {
    if (this.available >= 1) {
      this.#taken += 1;
      return Promise.resolve();
    }
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }

  /** Gives a permit back: to the first waiter, if there is one. More releases than acquires change nothing. */
  release() {
    const next = this.#waiting.shift();
    if (next) next();
    else if (this.#taken > 0) this.#taken -= 1;
  }

  /** Permits that can be had at once. */
  get available() {
    return this.#max - this.#taken;
  }

  /** Callers that wait for a permit. */
  get pending() {
    return this.#waiting.length;
  }
}

module.exports = { Semaphore };
