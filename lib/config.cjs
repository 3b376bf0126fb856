"use strict";
// The configuration file. The native side reads it and merges it over the defaults.

const { textOf } = require("./call-options.cjs");
const { errorCodes } = require("./constants.json");
const { converted } = require("./errors.cjs");
const { logger } = require("./logger.cjs");
const { native } = require("./native.cjs");

/** Returns the configuration for a directory, with defaults. Throws when a file exists and is not valid. */
function loadConfig(cwd = process.cwd()) {
  const folder = textOf(cwd, "cwd", errorCodes.invalidOption);
  const { json, warnings } = converted(() => native().loadConfig(folder));
  for (const warning of warnings) logger.warn(warning);
  return JSON.parse(json);
}

module.exports = { loadConfig };
