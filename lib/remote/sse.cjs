"use strict";
// Server-sent events: turns the lines of a response body into stream events.

const { chunksOf } = require("./body.cjs");
const { MAX_ANSWER, eventIn } = require("./message.cjs");

/** Longest accepted event, in characters. The server sends output in chunks, which are far smaller. */
const MAX_EVENT_LENGTH = 16 * 1024 * 1024;

/** How an event begins that may carry a result, which is longer than any other event. */
const EXIT = /^(?:data: )?\{"type":"exit",/;

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
    checkLength(length, pieces);
  }
}

/** Throws when an event is too long. The pieces are its beginning. */
function checkLength(length, [first, second = ""]) {
  if (length <= MAX_EVENT_LENGTH) return;
  const isExit = EXIT.test(`${first.slice(0, 64)}${second.slice(0, 64)}`);
  if (!isExit || length > MAX_ANSWER) throw new Error("the server sent an event without an end");
}

/** Yields the events of a response body as they arrive, and hands the result to `conclude`. Leaving the loop ends the connection. */
async function* events(body, conclude) {
  let data = [];
  let length = 0;
  for await (const line of lines(body)) {
    if (line.startsWith("data:")) {
      data.push(line.slice(line[5] === " " ? 6 : 5));
      length += line.length;
      checkLength(length, data);
    } else if (line === "") {
      // A block without data is a comment, and one whose data is no event is ignored.
      const event = data.length > 0 ? eventIn(data.join("\n"), conclude) : undefined;
      data = [];
      length = 0;
      if (event !== undefined) yield event;
    }
  }
}

module.exports = { events };
