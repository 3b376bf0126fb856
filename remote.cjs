"use strict";
// `@isol8/core/remote`: the client of a server, free of native code.

const { Isol8Error } = require("./lib/errors.cjs");
const { RemoteIsol8 } = require("./lib/remote/fetch.cjs");

module.exports = { Isol8Error, RemoteIsol8 };
