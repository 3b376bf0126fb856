"use strict";
// The package's logger. `setDebug(true)` turns debug lines on. The same switch controls the debug lines
// that the native engine writes to standard error.

let debugEnabled = false;
let listener;

/** Calls `listen` now and at every change, with whether debug lines are on. */
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
