"use strict";
// One message of a server.

/** Returns the event in a message, or undefined when the message is no JSON object: such a message is ignored. */
function eventOf(text) {
  try {
    const event = JSON.parse(text);
    return typeof event === "object" && event !== null ? event : undefined;
  } catch {
    return undefined;
  }
}

module.exports = { eventOf };
