"use strict";
// Addresses of servers.

const { errorCodes } = require("../constants.json");
const { errorFrom } = require("../errors.cjs");

/** Returns the URL in a text, or undefined. `URL.canParse` is newer than Node 18. */
function urlIn(text) {
  try {
    return new URL(text);
  } catch {
    return undefined;
  }
}

/** Throws the error of an address that no client can use. */
function refuse(why) {
  throw errorFrom({ code: errorCodes.invalidOption, message: `Invalid host: ${why}` });
}

/** Returns whether an address is the path of a Unix socket. */
function isSocket(host) {
  return host.startsWith("unix:/");
}

/** Returns an address that a client can use. Otherwise throws an error that names it. */
function checkHost(host) {
  if (isSocket(host)) return host;
  const url = urlIn(host);
  // The password is not repeated.
  if (url?.username || url?.password) {
    refuse("it has a name or a password in it. Give the key as API key.");
  }
  if (!/^https?:$/.test(url?.protocol) || url.search || url.hash) {
    refuse(`"${host}". It must be an address such as http://localhost:3000 or unix:/path.`);
  }
  return host;
}

/** Returns an address that `fetch` can use. Otherwise throws an error that names it. */
function checkFetchHost(host) {
  if (isSocket(host)) refuse(`"${host}". A Unix socket needs the native client.`);
  return host;
}

module.exports = { checkFetchHost, checkHost };
