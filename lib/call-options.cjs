"use strict";
// Checks the arguments of calls that local and remote engines share, before anything is started or sent.

const { errorCodes } = require("./constants.json");
const { errorFrom, shown } = require("./errors.cjs");
const { checkCallOptions } = require("./unknown-keys.cjs");

const CODE = errorCodes.invalidRequest;

/** The options of `execute` and `executeStream`. */
const CALL_OPTIONS = ["signal", "onStdout", "onStderr"];

/** Calls `cancel` once when the signal aborts. Returns a function that stops listening. */
function onAbort(signal, cancel) {
  if (!signal) return () => {};
  signal.addEventListener("abort", cancel, { once: true });
  return () => signal.removeEventListener("abort", cancel);
}

/** Returns the signal in the options of a call. Throws when it is no AbortSignal, and for an unknown option. */
function signalOf(options) {
  checkCallOptions(options, CALL_OPTIONS);
  const signal = options?.signal ?? undefined;
  if (signal === undefined || typeof signal.addEventListener === "function") return signal;
  const message = `Invalid signal: ${shown(signal)}. It must be an AbortSignal.`;
  throw errorFrom({ code: CODE, message });
}

/** Returns an argument that must be a text. Otherwise throws an error in which `what` names the argument. */
function textOf(text, what, code = CODE) {
  if (typeof text === "string") return text;
  throw errorFrom({ code, message: `Invalid ${what}: ${shown(text)}. It must be a string.` });
}

/** Throws when an optional argument is given and is no function. */
function checkCallback(callback, what, code = CODE) {
  if (callback === undefined || callback === null || typeof callback === "function") return;
  throw errorFrom({ code, message: `Invalid ${what}: ${shown(callback)}. It must be a function.` });
}

/** Returns the callbacks for output in the options of a call, or undefined when there is none. */
function outputCallbacks(options) {
  const { onStdout, onStderr } = options ?? {};
  checkCallback(onStdout, "onStdout");
  checkCallback(onStderr, "onStderr");
  if (!onStdout && !onStderr) return undefined;
  return { stdout: onStdout ?? undefined, stderr: onStderr ?? undefined };
}

module.exports = { checkCallback, onAbort, outputCallbacks, signalOf, textOf };
