"use strict";
// Loads the native engine on first use, so that importing the package (for its types, its client or
// its adapters) works on a platform without one.

let loaded;

/** The native module. Throws an error that says what to do when there is none for this platform. */
function native() {
  if (loaded === undefined) {
    try {
      loaded = require("../native.cjs");
    } catch (cause) {
      const error = new Error(
        `The native engine of @isol8/core could not be loaded on ${process.platform}-${process.arch}: ${cause.message} ` +
          "Reinstall the package with optional dependencies enabled, or build it with `npm run build`.",
      );
      error.code = "ISOL8_NATIVE_UNAVAILABLE";
      error.cause = cause;
      throw error;
    }
  }
  return loaded;
}

module.exports = { native };
