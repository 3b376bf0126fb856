"use strict";
// One execution over a WebSocket, on platforms that have one (Node 22 and later, Bun, Deno).

const { onAbort } = require("../call-options.cjs");
const { abortReason } = require("../errors.cjs");
const { eventIn } = require("./message.cjs");

const CLOSED_NORMALLY = 1000;

/** What a message that waits costs besides its text, counted in characters. Many small ones need memory, too. */
const MESSAGE_COST = 64;

/** Whether this platform has a WebSocket client. */
const available = () => typeof globalThis.WebSocket === "function";

/** The connection was not opened. Another transport may still work. */
class NotOpened extends Error {}

/** Resolves with an open socket, or rejects with `NotOpened`. An abort rejects with the signal's reason. */
async function open(url, headers, signal) {
  let unlisten = () => {};
  try {
    return await new Promise((resolve, reject) => {
      // The standard has no headers here. Node, Bun and Deno share this extension.
      const socket = new WebSocket(url, { headers });
      const failed = () => reject(new NotOpened("the WebSocket did not open"));
      socket.onopen = () => resolve(socket);
      socket.onerror = failed;
      socket.onclose = failed;
      unlisten = onAbort(signal, () => {
        reject(abortReason(signal));
        socket.close();
      });
    });
  } catch (cause) {
    if (signal?.aborted || cause instanceof NotOpened) throw cause;
    throw new NotOpened("the WebSocket could not be made", { cause });
  } finally {
    unlisten();
  }
}

/**
 * Yields the events of one execution. `message` is a text, which is sent when the socket is open. A WebSocket cannot be
 * slowed down, so events wait here for a slow consumer. More than `maxWaiting` characters of them are an error.
 * `conclude` receives the result.
 */
async function* events(url, headers, message, { signal, maxWaiting, conclude }) {
  const socket = await open(url, headers, signal);
  let waiting = [];
  let length = 0;
  let wake = () => {};
  let ended;
  const end = (error) => {
    ended ??= { error };
    wake();
  };
  socket.onmessage = ({ data }) => {
    if (ended || typeof data !== "string") return;
    length += data.length + MESSAGE_COST;
    if (length > maxWaiting) {
      end(new Error(`more than ${maxWaiting} characters of events wait to be read`));
      socket.close();
      return;
    }
    waiting.push(data);
    wake();
  };
  socket.onerror = () => end(new Error("the connection failed"));
  socket.onclose = ({ code, reason }) =>
    end(code === CLOSED_NORMALLY ? undefined : new Error(reason || `closed with code ${code}`));
  const unlisten = onAbort(signal, () => end(undefined));
  try {
    if (signal?.aborted) return;
    socket.send(message);
    for (;;) {
      const taken = waiting;
      waiting = [];
      for (const data of taken) {
        length -= data.length + MESSAGE_COST;
        const event = eventIn(data, conclude);
        if (event !== undefined) yield event;
      }
      if (waiting.length > 0) continue;
      if (ended?.error) throw ended.error;
      if (ended) return;
      await new Promise((resolve) => {
        wake = resolve;
      });
    }
  } finally {
    unlisten();
    // Closing the socket makes the server end the execution.
    socket.close();
  }
}

module.exports = { NotOpened, available, events };
