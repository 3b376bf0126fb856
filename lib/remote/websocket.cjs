"use strict";
// One execution over a WebSocket, on platforms that have one (Node 22 and later, Bun, Deno).

const { eventOf } = require("./event.cjs");

const CLOSED_NORMALLY = 1000;

/** Whether this platform has a WebSocket client. */
const available = () => typeof globalThis.WebSocket === "function";

/** The connection was not opened. Another transport may still work. */
class NotOpened extends Error {}

/** Resolves with an open socket, or rejects with `NotOpened`. */
function open(url, headers) {
  return new Promise((resolve, reject) => {
    let socket;
    try {
      // The standard has no headers here. Node, Bun and Deno share this extension.
      socket = new WebSocket(url, { headers });
    } catch (cause) {
      reject(new NotOpened("the WebSocket could not be made", { cause }));
      return;
    }
    socket.onopen = () => resolve(socket);
    socket.onerror = () => reject(new NotOpened("the WebSocket did not open"));
    socket.onclose = () => reject(new NotOpened("the WebSocket did not open"));
  });
}

/**
 * Yields the events of one execution. `message` is sent when the socket is open. The option `maxOutputSize`
 * limits how much can wait here for a slow consumer.
 */
async function* events(url, headers, message, signal) {
  const socket = await open(url, headers);
  const queue = [];
  let wake = () => {};
  let ended;
  const end = (error) => {
    ended ??= { error };
    wake();
  };
  socket.onmessage = ({ data }) => {
    queue.push(data);
    wake();
  };
  socket.onerror = () => end(new Error("the connection failed"));
  socket.onclose = ({ code, reason }) =>
    end(code === CLOSED_NORMALLY ? undefined : new Error(reason || `closed with code ${code}`));
  const abort = () => end(undefined);
  signal?.addEventListener("abort", abort, { once: true });
  try {
    socket.send(JSON.stringify(message));
    for (;;) {
      while (queue.length > 0) {
        const event = eventOf(queue.shift());
        if (event !== undefined) yield event;
      }
      if (ended?.error) throw ended.error;
      if (ended) return;
      await new Promise((resolve) => {
        wake = resolve;
      });
    }
  } finally {
    signal?.removeEventListener("abort", abort);
    // Closing the socket makes the server end the execution.
    socket.close();
  }
}

module.exports = { NotOpened, available, events };
