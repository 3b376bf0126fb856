"use strict";
// Reports keys that callers misspelt. Version 0.20 ignores them silently, so a program that worked there goes on to work,
// and its author gets a warning. Calls that are newer than 0.20 refuse them.

const { errorCodes, keys: known } = require("./constants.json");
const { errorFrom } = require("./errors.cjs");
const { logger } = require("./logger.cjs");

/** Most keys that an engine reports. Requests may come from anybody, and so may their keys. */
const MOST_REPORTED = 100;

/** Keys of the first argument of RemoteIsol8. */
const CONNECTION = ["host", "apiKey", "sessionId"];

/** Keys of requests, options and calls that callers look for elsewhere. */
const ELSEWHERE = { maxConcurrent: "DockerIsol8 takes it as its second argument." };

const isObject = (value) =>
  typeof value === "object" &&
  value !== null &&
  !Array.isArray(value) &&
  !ArrayBuffer.isView(value);

/** Returns the number of characters to add, remove or change that make one text of another (Levenshtein). */
function distance(from, to) {
  let above = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let row = 1; row <= from.length; row++) {
    const current = [row];
    for (let column = 1; column <= to.length; column++) {
      const change = above[column - 1] + (from[row - 1] === to[column - 1] ? 0 : 1);
      current.push(Math.min(change, above[column] + 1, current[column - 1] + 1));
    }
    above = current;
  }
  return above[to.length];
}

/** Returns the name that a caller may have meant, or undefined when none is similar. */
function similar(key, names) {
  const wanted = key.toLowerCase();
  if (wanted.length > 64) return undefined;
  const ranked = names
    .map((name) => ({ name, apart: distance(wanted, name.toLowerCase()) }))
    .sort((one, other) => one.apart - other.apart);
  const [best] = ranked;
  if (best && best.apart <= Math.max(1, Math.floor(wanted.length / 3))) return best.name;
  return names.find((name) => {
    const [short, long] = [wanted, name.toLowerCase()].sort(
      (one, other) => one.length - other.length,
    );
    return short.length > 2 && long.includes(short);
  });
}

/** Yields the paths of unknown keys in `value`, each with the path that may be meant. */
function* unknownIn(value, section, names = known[section]) {
  for (const [key, item] of Object.entries(value)) {
    const inner = `${section}.${key}`;
    if (names.includes(key)) {
      if (known[inner] && isObject(item)) {
        for (const { path, meant } of unknownIn(item, inner)) {
          yield { path: `${key}.${path}`, meant: meant && `${key}.${meant}` };
        }
      }
    } else if (item !== undefined && item !== null) {
      yield { path: key, meant: similar(key, names) ?? below(key, section) };
    }
  }
}

/** Returns the path of a key that belongs one section further down. */
function below(key, section) {
  const holder = Object.keys(known).find(
    (name) => name.startsWith(`${section}.`) && known[name].includes(key),
  );
  return holder && `${holder.slice(section.length + 1)}.${key}`;
}

const hint = ({ path, meant }) => {
  if (meant) return ` Did you mean ${JSON.stringify(meant)}?`;
  return Object.hasOwn(ELSEWHERE, path) ? ` ${ELSEWHERE[path]}` : "";
};

/** What one engine has reported. */
class UnknownKeys {
  #reported = new Set();

  #report(text) {
    if (this.#reported.has(text) || this.#reported.size >= MOST_REPORTED) return;
    this.#reported.add(text);
    logger.warn(text);
  }

  #unknown(value, section, what, names) {
    for (const found of unknownIn(value, section, names)) {
      this.#report(`Unknown ${what(JSON.stringify(found.path))} is ignored.${hint(found)}`);
    }
  }

  /** Reports what has no effect in the options of an engine, or in a configuration that is used as such. */
  inOptions(options) {
    const names = isConfiguration(options) ? [...known.options, ...known.config] : known.options;
    this.#unknown(options, "options", (path) => `option ${path}`, names);
    const { networkFilter, network } = options;
    if (isObject(networkFilter) && network !== "filtered" && !isConfiguration(options)) {
      this.#report('The option "networkFilter" has no effect without network: "filtered".');
    }
  }

  /** Reports unknown keys of what says where a server is. */
  inConnection(connection) {
    this.#unknown(connection, "connection", (path) => `option ${path} of RemoteIsol8`, CONNECTION);
  }

  /** Reports unknown keys of a request. */
  inRequest(request) {
    this.#unknown(request, "request", (path) => `key ${path} of a request`);
  }

  /** Reports unknown keys of the options of `start`. */
  inStart(options) {
    this.#unknown(options, "start", (path) => `option ${path} of start()`);
  }
}

/** Throws for an unknown option of a call that is newer than version 0.20. */
function checkCallOptions(options, names, of = "a call", code = errorCodes.invalidRequest) {
  if (!isObject(options)) return;
  const [key] = Object.keys(options).filter((name) => !names.includes(name));
  if (key === undefined) return;
  const end = hint({ path: key, meant: similar(key, names) });
  const message = `Unknown option ${JSON.stringify(key)} of ${of}.${end}`;
  throw errorFrom({ code, message });
}

/** Whether options are a whole configuration, as `loadConfig` returns it. */
const isConfiguration = ({ defaults, network }) =>
  isObject(defaults) || Array.isArray(network?.whitelist) || Array.isArray(network?.blacklist);

module.exports = { UnknownKeys, checkCallOptions, isConfiguration };
