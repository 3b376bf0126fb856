"use strict";
// The events of an execution as callers get them.

/**
 * Returns an iterator of events that has a `result`. `cancel` ends the execution, and `result` returns what it came to.
 */
function eventStream(events, cancel, result) {
  // The generator's own `return` waits behind a pending `next`. Cancelling first lets that `next` end.
  return {
    get result() {
      return result();
    },
    next: () => events.next(),
    return: (value) => {
      cancel();
      return events.return(value);
    },
    throw: (error) => {
      cancel();
      return events.throw(error);
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

/** Returns a result without the output, which the events have delivered. */
function withoutOutput({ stdout: _, stderr: __, ...rest }) {
  return rest;
}

module.exports = { eventStream, withoutOutput };
