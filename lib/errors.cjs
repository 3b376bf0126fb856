"use strict";
// Errors as JavaScript sees them. The native side answers with a value or `{code, message}`; here the
// second becomes an `Error` that carries the stable `code`.

/** An `Error` with a stable `code`, out of the native side's description of a failure. */
function errorFrom({ code, message }) {
  const error = new Error(message);
  error.code = code;
  return error;
}

/** Unwraps what a native call answered: throws its error, or returns the answer. */
function unwrap(outcome) {
  if (outcome.error) throw errorFrom(outcome.error);
  return outcome;
}

/** What an aborted signal rejects with: its reason, as `fetch` does. */
function abortReason(signal) {
  return signal.reason ?? new DOMException("This operation was aborted", "AbortError");
}

function throwIfAborted(signal) {
  if (signal?.aborted) throw abortReason(signal);
}

module.exports = { abortReason, errorFrom, throwIfAborted, unwrap };
