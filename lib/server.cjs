"use strict";
// createServer: the server of `isol8 serve`, in this process.

const process = require("node:process");

const { loadConfig } = require("./config.cjs");
const { errorCodes, keys } = require("./constants.json");
const { dockerAddress } = require("./docker-address.cjs");
const { asyncDispose } = require("./engine.cjs");
const { converted, errorFrom, shown, unwrap } = require("./errors.cjs");
const { objectOf, toJson } = require("./json.cjs");
const { logger } = require("./logger.cjs");
const { native } = require("./native.cjs");
const { checkCallOptions } = require("./unknown-keys.cjs");

const CODE = errorCodes.invalidOption;

/** How long running calls may take to end by default, in milliseconds. `shutdown({graceMs})` changes it. */
const GRACE_MS = 30_000;

/** Names that a configuration has. Native code looks at the sections. */
const CONFIG_KEYS = [...keys.config, ...keys.options];

/** Returns how long running calls may take to end, in milliseconds. */
function graceOf(options) {
  const { graceMs = GRACE_MS } = objectOf(options, "options", CODE);
  checkCallOptions(options, ["graceMs"], "shutdown()", CODE);
  if (typeof graceMs === "number" && graceMs >= 0) return graceMs;
  const message = `Invalid graceMs: ${shown(graceMs)}. It must be a number of at least 0.`;
  throw errorFrom({ code: CODE, message });
}

/** Starts a server in this process. Resolves when it accepts connections. */
async function createServer(options) {
  const { docker, config, ...rest } = objectOf(options, "options", CODE);
  if (config) checkCallOptions(config, CONFIG_KEYS, "config", CODE);
  const given = config ?? loadConfig();
  const json = toJson({ ...rest, config: given, docker: dockerAddress(docker) }, CODE);
  const { NativeServer } = native();
  if (rest.debug ?? given.debug) logger.setDebug(true);
  // Native code does not see what a program under Bun has put into its environment.
  const server = converted(() => new NativeServer(json, process.env.ISOL8_BACKEND));
  const { port, url } = JSON.parse(unwrap(await server.listen()).result);
  // Keeps the process alive, as a listening server does.
  server.ended();
  const shutdown = async (end) => {
    unwrap(await server.stop(graceOf(end ?? {})));
  };
  return { port, url, shutdown, [asyncDispose]: () => shutdown() };
}

module.exports = { createServer };
