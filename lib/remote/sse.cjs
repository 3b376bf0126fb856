"use strict";
// Server-sent events: turns the lines of a response body into stream events.

const { chunksOf } = require("./body.cjs");
const { objectIn } = require("./message.cjs");

/** Longest accepted event, in characters. The server sends output in chunks, which are far smaller. */
const MAX_EVENT_LENGTH = 16 * 1024 * 1024;

/** Yields the lines of a body without their ends. A line that never ends is an error. */
async function* lines(body) {
  const decoder = new TextDecoder();
  // Kept in pieces: joining them at each chunk would take a time that grows with the square of the length.
  let pieces = [];
  let length = 0;
  for await (const chunk of chunksOf(body)) {
    const [first, ...others] = decoder.decode(chunk, { stream: true }).split("\n");
    pieces.push(first);
    length += first.length;
    for (const text of others) {
      yield pieces.join("").replace(/\r$/, "");
      pieces = [text];
      length = text.length;
    }
    checkLength(length);
  }
}

function checkLength(length) {
  if (length > MAX_EVENT_LENGTH) throw new Error("the server sent an event without an end");
}

/** Yields the events of a response body as they arrive. Leaving the loop ends the connection. */
async function* events(body) {
  let data = [];
  let length = 0;
  for await (const line of lines(body)) {
    if (line.startsWith("data:")) {
      data.push(line.slice(line[5] === " " ? 6 : 5));
      length += line.length;
      checkLength(length);
    } else if (line === "") {
      // A block without data is a comment, and one whose data is no JSON object is ignored.
      const event = data.length > 0 ? objectIn(data.join("\n")) : undefined;
      data = [];
      length = 0;
      if (event !== undefined) yield event;
    }
  }
}

module.exports = { events };
