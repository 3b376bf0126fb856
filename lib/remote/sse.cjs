"use strict";
// Server-sent events: turns the lines of a response body into stream events.

const { eventOf } = require("./event.cjs");

/** Longest accepted event, in characters. The server sends output in chunks, which are far smaller. */
const MAX_EVENT_LENGTH = 16 * 1024 * 1024;

/** Returns the event in one block of lines, or undefined for a comment and for what is no JSON. */
function parse(block) {
  const data = block
    .split("\n")
    .filter((line) => line.startsWith("data:"))
    .map((line) => line.slice(line[5] === " " ? 6 : 5));
  return data.length === 0 ? undefined : eventOf(data.join("\n"));
}

/** Yields the events of a response body as they arrive. Leaving the loop ends the connection. */
async function* events(body) {
  const decoder = new TextDecoder();
  const reader = body.getReader();
  let pending = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      pending += done ? decoder.decode() : decoder.decode(value, { stream: true });
      const blocks = pending.replaceAll("\r\n", "\n").split("\n\n");
      pending = blocks.pop();
      for (const block of blocks) {
        const event = parse(block);
        if (event !== undefined) yield event;
      }
      if (done) return;
      if (pending.length > MAX_EVENT_LENGTH)
        throw new Error("the server sent an event without an end");
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}

module.exports = { events };
