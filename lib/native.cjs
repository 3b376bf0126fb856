"use strict";
// Loads the native engine on first use, so that importing the package (for its types, its client or
// its adapters) works on a platform without one.

const { followDebug } = require("./logger.cjs");
const { explainMissing } = require("./platform.cjs");

let loaded;

/** The native module. Throws an error that says what to do when there is none for this platform. */
function native() {
  if (loaded === undefined) {
    try {
      loaded = require("../native.cjs");
    } catch (cause) {
      const error = new Error(explainMissing(cause));
      error.code = "ISOL8_NATIVE_UNAVAILABLE";
      error.cause = cause;
      throw error;
    }
    followDebug(loaded.setDebug);
  }
  return loaded;
}

module.exports = { native };
