"use strict";
// The package's logger. `setDebug(true)` turns debug lines on. The same switch controls the debug lines of the native
// engine. `setSink` gives all lines to a callback, those of the engine included.

const { format } = require("node:util");

const { errorCodes } = require("./constants.json");
const { errorFrom, shown } = require("./errors.cjs");

let debugEnabled = false;
// Whether this thread has turned the switch. The engine has one for all threads.
let hasChosen = false;
let sink;
let native;

/** Hands a line to the sink. What the sink throws has no caller, and must not end the program. It may be `async`. */
function deliver(line) {
  const report = (error) => console.error("[ERROR]", "The sink of the logger threw:", error);
  try {
    sink?.(line)?.catch?.(report);
  } catch (error) {
    report(error);
  }
}

/** Connects the engine of `module`: its lines follow the switch and the sink, now and at every change. */
function followLogger(module) {
  native = module;
  if (hasChosen) native.setDebug(debugEnabled);
  if (sink) native.setLogSink(deliver);
}

/** Writes a line with `print`, or hands it to the sink. */
function write(level, print, args) {
  if (!sink) return print();
  deliver({ level, time: new Date().toISOString(), message: format(...args) });
}

const logger = Object.freeze({
  /** Turns debug lines on or off, for the whole process. */
  setDebug(enabled) {
    debugEnabled = Boolean(enabled);
    hasChosen = true;
    native?.setDebug(debugEnabled);
  },
  /** Gives all lines to a callback, or to the console and standard error again. */
  setSink(callback = null) {
    if (callback !== null && typeof callback !== "function") {
      const message = `Invalid sink: ${shown(callback)}. It must be a function, or null.`;
      throw errorFrom({ code: errorCodes.invalidOption, message });
    }
    sink = callback ?? undefined;
    native?.setLogSink(sink ? deliver : null);
  },
  debug(...args) {
    if (debugEnabled) write("debug", () => console.log("[DEBUG]", ...args), args);
  },
  info(...args) {
    write("info", () => console.log(...args), args);
  },
  warn(...args) {
    write("warn", () => console.warn("[WARN]", ...args), args);
  },
  error(...args) {
    write("error", () => console.error("[ERROR]", ...args), args);
  },
});

module.exports = { followLogger, logger };
