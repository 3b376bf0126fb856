"use strict";
// The configuration file, read and merged over the defaults natively.

const { logger } = require("./logger.cjs");
const { native } = require("./native.cjs");

/** The configuration in force for a directory. Throws when a file is there but not valid. */
function loadConfig(cwd = process.cwd()) {
  const { json, warnings } = native().loadConfig(cwd);
  for (const warning of warnings) logger.warn(warning);
  return JSON.parse(json);
}

module.exports = { loadConfig };
