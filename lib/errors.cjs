"use strict";
// Errors as JavaScript callers see them. A native call returns a value or `{code, message}`. The latter
// becomes an `Isol8Error` here.

/** What every failed call gives: a message for people and a stable code for programs. */
class Isol8Error extends Error {
  constructor(message, { code, ...options } = {}) {
    super(message, options);
    this.code = code;
  }
}
// On the prototype, so that it is not among the error's own properties.
Object.defineProperty(Isol8Error.prototype, "name", {
  value: "Isol8Error",
  configurable: true,
  writable: true,
});

/** Makes an error from the native description of a failure. */
function errorFrom({ code, message, cause }) {
  return new Isol8Error(message, cause === undefined ? { code } : { code, cause });
}

/** Returns the outcome of a native call, or throws the error in it. */
function unwrap(outcome) {
  if (outcome.error) throw errorFrom(outcome.error);
  return outcome;
}

/** Returns a value as a text for a message. An object can have no such text, or a method for it that throws. */
function shown(value) {
  try {
    return String(value);
  } catch {
    return `a value of type ${typeof value}`;
  }
}

/** Calls a native function that throws its errors itself, with their code. */
function converted(call) {
  try {
    return call();
  } catch (error) {
    throw String(error?.code).startsWith("ISOL8_") ? errorFrom(error) : error;
  }
}

/** Returns the error for an aborted signal: the signal's reason, as with `fetch`. */
function abortReason(signal) {
  return signal.reason ?? new DOMException("This operation was aborted", "AbortError");
}

function throwIfAborted(signal) {
  if (signal?.aborted) throw abortReason(signal);
}

module.exports = { Isol8Error, abortReason, converted, errorFrom, shown, throwIfAborted, unwrap };
