"use strict";
// The client without native code: for bundlers, edge runtimes, and platforms without a native package.

const { remoteClass } = require("./client.cjs");
const { FetchTransport } = require("./fetch-transport.cjs");

const RemoteIsol8 = remoteClass((host, apiKey) => new FetchTransport(host, apiKey));

module.exports = { RemoteIsol8 };
