"use strict";
// Finds out where the Docker daemon is. A caller may pass a dockerode instance. Only its connection settings
// are used, because the native client makes its own connection.

const { errorFrom } = require("./errors.cjs");

const FIELDS = ["socketPath", "host", "port", "protocol", "ca", "cert", "key"];

/** Turns a PEM text into a string. Callers pass strings, Buffers or lists of them. */
function plain(value) {
  if (Array.isArray(value)) return value.map(plain).join("\n");
  if (value instanceof Uint8Array) return Buffer.from(value).toString("utf8");
  return value;
}

/** Returns a port as a number. dockerode takes numbers and text. */
function port(value) {
  const number = Number(value);
  if (Number.isInteger(number) && number > 0 && number < 65_536) return number;
  throw new Error(`Invalid docker.port: ${value}. It must be a number from 1 to 65535.`);
}

/**
 * Returns the address in a dockerode instance, or in a plain object with the same options. An empty
 * object means: find the daemon as the `docker` command does.
 *
 * @returns {Record<string, string | number>}
 */
function dockerAddress(docker) {
  const address = {};
  const source = docker?.modem ?? docker ?? {};
  // A value that is ignored would select another daemon than the caller meant.
  if (typeof source !== "object") {
    const message = `Invalid docker: ${String(source)}. It must be an object, such as { socketPath }.`;
    throw errorFrom({ code: "ISOL8_INVALID_OPTION", message });
  }
  for (const field of FIELDS) {
    const value = plain(source[field]);
    if (value === undefined || value === null || value === "") continue;
    address[field] = field === "port" ? port(value) : value;
  }
  // dockerode keeps its defaults for TCP beside a socket path, and then uses the socket.
  if (address.socketPath) return { socketPath: address.socketPath };
  // A protocol or a port without a host does not name a place.
  return address.host ? address : {};
}

module.exports = { dockerAddress };
