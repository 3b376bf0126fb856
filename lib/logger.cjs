"use strict";
// The package's logger. Debug lines are off until `setDebug(true)`; those of the native engine, on
// standard error, go by the same switch.

let debugEnabled = false;
let listener;

/** Tells `listen` now and at every change whether debug lines are on. */
function followDebug(listen) {
  listener = listen;
  listen(debugEnabled);
}

const logger = Object.freeze({
  /** Turns debug lines on or off, for the whole process. */
  setDebug(enabled) {
    debugEnabled = Boolean(enabled);
    listener?.(debugEnabled);
  },
  debug(...args) {
    if (debugEnabled) console.log("[DEBUG]", ...args);
  },
  info(...args) {
    console.log(...args);
  },
  warn(...args) {
    console.warn("[WARN]", ...args);
  },
  error(...args) {
    console.error("[ERROR]", ...args);
  },
});

module.exports = { followDebug, logger };
