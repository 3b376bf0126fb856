"use strict";
// Errors as JavaScript callers see them. A native call returns a value or `{code, message}`. The latter
// becomes an `Error` with the stable `code` here.

/** Makes an `Error` with a stable `code` from the native description of a failure. */
function errorFrom({ code, message }) {
  const error = new Error(message);
  error.code = code;
  return error;
}

/** Returns the outcome of a native call, or throws the error in it. */
function unwrap(outcome) {
  if (outcome.error) throw errorFrom(outcome.error);
  return outcome;
}

/** Returns the error for an aborted signal: the signal's reason, as with `fetch`. */
function abortReason(signal) {
  return signal.reason ?? new DOMException("This operation was aborted", "AbortError");
}

function throwIfAborted(signal) {
  if (signal?.aborted) throw abortReason(signal);
}

module.exports = { abortReason, errorFrom, throwIfAborted, unwrap };
