"use strict";
// Loads the native engine on first use. So the package can be imported on a platform without one, for its
// types, its remote client or its adapters.

const process = require("node:process");

const { errorCodes } = require("./constants.json");
const { errorFrom } = require("./errors.cjs");
const { followLogger } = require("./logger.cjs");
const { explainMissing } = require("./platform.cjs");

let loaded;

/** Returns the native module. Throws when there is none for this platform; the message names the remedy. */
function native() {
  if (loaded === undefined) {
    try {
      loaded = require("../native.cjs");
    } catch (cause) {
      throw errorFrom({
        code: errorCodes.nativeUnavailable,
        message: explainMissing(cause),
        cause,
      });
    }
    // An addon's own clean-up does not run in `process.exit`, so JavaScript listens: once, however often modules are loaded.
    if (loaded.beginProgram()) process.once("exit", loaded.endProgram);
    followLogger(loaded);
  }
  return loaded;
}

module.exports = { native };
