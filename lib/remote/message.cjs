"use strict";
// What a server sends, as JSON objects in answers and in events, and the errors that clients make of it.

const { errorCodes } = require("../constants.json");
const { errorFrom } = require("../errors.cjs");

/** Most bytes of an answer. The largest file of a session has 512 MiB, which are 683 MiB in base64. */
const MAX_ANSWER = 768 * 1024 * 1024;

/** The types of events. A newer server may have others, which are ignored. */
const EVENTS = ["stdout", "stderr", "exit", "error"];

/** Returns the JSON object in a text, or undefined when the text is something else. */
function objectIn(text) {
  try {
    const value = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Returns the event in a text, or undefined when the text is something else. Hands the result in it to `conclude`. */
function eventIn(text, conclude) {
  const message = objectIn(text);
  if (!EVENTS.includes(message?.type) || typeof message.data !== "string") return undefined;
  const { result, ...event } = message;
  if (typeof result === "object" && result !== null) conclude?.(result);
  return event;
}

/** Makes the error of a failed request. */
const remoteError = (message, { code = errorCodes.remote, cause } = {}) =>
  errorFrom({ code, message, cause });

/** Returns the message of an error. `fetch` puts the reason of a failure into `cause`. */
function describe(error) {
  return error?.cause?.message || error?.message || String(error);
}

module.exports = { MAX_ANSWER, describe, eventIn, objectIn, remoteError };
