"use strict";
// The version of this package, read from package.json.

/** @type {string} */
const VERSION = require("../package.json").version;

module.exports = { VERSION };
