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

/** Returns an address that a client can use. Otherwise throws an error that names it. */
function checkHost(host) {
  const url = urlIn(host);
  const refuse = (why) => {
    throw errorFrom({ code: errorCodes.invalidOption, message: `Invalid host: ${why}` });
  };
  // The password is not repeated.
  if (url?.username || url?.password) {
    refuse("it has a name or a password in it. Give the key as API key.");
  }
  if (!/^https?:$/.test(url?.protocol) || url.search || url.hash) {
    refuse(`"${host}". It must be an address such as http://localhost:3000.`);
  }
  return host;
}

module.exports = { checkHost };
