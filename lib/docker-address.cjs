"use strict";
// Where the Docker daemon is. Callers may hand over a dockerode instance; what matters of it is where
// and how it connects, which the native client then does itself.

const { errorFrom } = require("./errors.cjs");

const FIELDS = ["socketPath", "host", "port", "protocol", "ca", "cert", "key"];

/** PEM texts arrive as strings, Buffers or lists of them. */
function plain(value) {
  if (Array.isArray(value)) return value.map(plain).join("\n");
  if (value instanceof Uint8Array) return Buffer.from(value).toString("utf8");
  return value;
}

/** dockerode takes ports as numbers and as text. */
function port(value) {
  const number = Number(value);
  if (Number.isInteger(number) && number > 0 && number < 65_536) return number;
  throw new Error(`Invalid docker.port: ${value}. It must be a number from 1 to 65535.`);
}

/**
 * The address in a dockerode instance, or in a plain object of its options. An empty object stands
 * for the environment's daemon (`DOCKER_HOST`, else the default socket).
 *
 * @returns {Record<string, string | number>}
 */
function dockerAddress(docker) {
  const address = {};
  const source = docker?.modem ?? docker ?? {};
  // Ignored, it would stand for another daemon than the one that was meant.
  if (typeof source !== "object") {
    const message = `Invalid docker: ${String(source)}. It must be an object, such as { socketPath }.`;
    throw errorFrom({ code: "ISOL8_INVALID_OPTION", message });
  }
  for (const field of FIELDS) {
    const value = plain(source[field]);
    if (value === undefined || value === null || value === "") continue;
    address[field] = field === "port" ? port(value) : value;
  }
  // dockerode keeps defaults for TCP beside a socket path; the socket is what it uses.
  if (address.socketPath) return { socketPath: address.socketPath };
  // A protocol or port without a host says nothing of where to connect.
  return address.host ? address : {};
}

module.exports = { dockerAddress };
