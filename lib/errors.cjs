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

/**
 * Runs a native function that throws synchronously, and gives its error the facade's shape: what
 * crosses as a plain `Error` with the addon's own code is rethrown with its message alone.
 */
function rethrowing(call) {
  try {
    return call();
  } catch (error) {
    throw new Error(error.message);
  }
}

/** What an aborted signal rejects with: its reason, as `fetch` does. */
function abortReason(signal) {
  return signal.reason ?? new DOMException("This operation was aborted", "AbortError");
}

function throwIfAborted(signal) {
  if (signal?.aborted) throw abortReason(signal);
}

module.exports = { abortReason, errorFrom, rethrowing, throwIfAborted, unwrap };
