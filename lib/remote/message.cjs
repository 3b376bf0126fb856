"use strict";
// What a server sends: JSON objects, in answers and in events.

/** Returns the JSON object in a text, or undefined when the text is something else. */
function objectIn(text) {
  try {
    const value = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

module.exports = { objectIn };
