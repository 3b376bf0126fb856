"use strict";
// The version of this package, from the one place that states it.

/** @type {string} */
const VERSION = require("../package.json").version;

module.exports = { VERSION };
