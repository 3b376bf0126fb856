"use strict";
// Finds out where the Docker daemon is. A caller may pass a dockerode instance. Only its connection settings
// are used, because the native client makes its own connection. What is not understood is refused: another daemon
// than the one that the caller means would run the programs, or lose its containers to a cleanup.

const { errorCodes } = require("./constants.json");
const { errorFrom, shown } = require("./errors.cjs");

/** The fields of an address. The native side checks what they say. */
const FIELDS = ["socketPath", "host", "port", "protocol", "username", "ca", "cert", "key"];

/** Options of dockerode that do not say where the daemon is. They have no effect here. */
const OTHER_FIELDS = ["Promise", "agent", "connectionTimeout", "headers", "timeout", "version"];

/** Settings of dockerode for ssh that the program `ssh` takes from the environment as well. */
const SSH_FIELDS = ["agent", "agentForward"];

function refuse(what) {
  throw errorFrom({ code: errorCodes.invalidOption, message: `Invalid ${what}` });
}

const isGiven = (value) => value !== undefined && value !== null && value !== "";

/** Turns a PEM text into a string. Callers pass strings, Buffers or lists of them. */
function pem(field, value) {
  if (Array.isArray(value)) return value.map((part) => pem(field, part)).join("\n");
  if (value instanceof Uint8Array) return Buffer.from(value).toString("utf8");
  return text(field, value);
}

function text(field, value) {
  return typeof value === "string" ? value : refuse(`docker.${field}: it must be a string.`);
}

/** Returns a port as a number. dockerode takes numbers and text. */
function port(value) {
  const number = Number(value);
  if (Number.isInteger(number) && number > 0 && number < 65_536) return number;
  return refuse(`docker.port: ${shown(value)}. It must be a number from 1 to 65535.`);
}

function plain(field, value) {
  if (field === "port") return port(value);
  return ["ca", "cert", "key"].includes(field) ? pem(field, value) : text(field, value);
}

/** Returns the settings of a dockerode instance. */
function settingsOf(modem) {
  if (modem === null || typeof modem !== "object") return refuse("docker.modem: it is no object.");
  const settings = {};
  for (const field of FIELDS) settings[field] = modem[field];
  if (isGiven(modem.pathPrefix) && modem.pathPrefix !== "/")
    refuse("docker.pathPrefix: a daemon below a path is not supported.");
  if (settings.protocol === "ssh") {
    const set = Object.entries(modem.sshOptions ?? {}).filter(([, value]) => isGiven(value));
    const [unknown] = set.find(([field]) => !SSH_FIELDS.includes(field)) ?? [];
    if (unknown || isGiven(modem.password)) {
      const field = unknown ? `sshOptions.${unknown}` : "password";
      refuse(`docker.${field}: the program ssh takes keys from its own configuration and agent.`);
    }
  } else {
    // dockerode takes a user name from any DOCKER_HOST, and uses it for ssh.
    settings.username = undefined;
  }
  // This is dockerode's way to say: the usual socket.
  const isUsual = typeof settings.socketPath === "function" && !isGiven(settings.host);
  if (!isUsual) return settings;
  if (settings.protocol === "http" && !isGiven(settings.port)) return undefined;
  return { ...settings, socketPath: undefined };
}

/** Returns the settings in a plain object, which may have no other fields. */
function settingsIn(object) {
  const unknown = Object.keys(object).find(
    (field) => !FIELDS.includes(field) && !OTHER_FIELDS.includes(field),
  );
  if (unknown === undefined) return object;
  return refuse(
    `docker: it has the field ${JSON.stringify(unknown)}, which no address has. ` +
      "Use a dockerode instance, or an object such as { socketPath } or { host, port }.",
  );
}

/**
 * Returns the address in a dockerode instance, or in a plain object with the same options. Without either
 * the result is empty. That means: find the daemon as the `docker` command does.
 *
 * @returns {Record<string, string | number>}
 */
function dockerAddress(docker) {
  if (docker === undefined || docker === null) return {};
  if (typeof docker !== "object")
    refuse(`docker: ${shown(docker)}. It must be an object, such as { socketPath }.`);
  const settings = "modem" in docker ? settingsOf(docker.modem) : settingsIn(docker);
  if (settings === undefined) return {};
  const address = {};
  for (const field of FIELDS) {
    const value = settings[field];
    if (isGiven(value)) address[field] = plain(field, value);
  }
  if (Object.keys(address).length === 0)
    refuse("docker: it has no address. Give socketPath or host, or leave docker out.");
  if (!address.socketPath) return address;
  // dockerode keeps its defaults for TCP beside a socket path, and then uses the socket.
  const { socketPath, protocol } = address;
  return protocol === undefined ? { socketPath } : { socketPath, protocol };
}

module.exports = { dockerAddress };
