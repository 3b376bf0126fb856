"use strict";
// The package's logger. Debug lines are off until `setDebug(true)`.

let debugEnabled = false;

const logger = Object.freeze({
  /** Turns debug lines on or off, for the whole process. */
  setDebug(enabled) {
    debugEnabled = Boolean(enabled);
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

module.exports = { logger };
