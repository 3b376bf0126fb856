"use strict";
// What callers wrote, as JSON for the native engine. JSON has no NaN and no infinity; written as
// `null` they would count as left out, and a limit that was miscalculated would silently be none.

const { errorFrom } = require("./errors.cjs");

/** JSON of `value`. Throws an error with `code` that names the field of a number that is none. */
function toJson(value, code) {
  const paths = new Map();
  return JSON.stringify(value, function withPath(key, item) {
    const parent = paths.get(this);
    const path = parent ? `${parent}.${key}` : key;
    if (typeof item === "number" && !Number.isFinite(item)) {
      throw errorFrom({ code, message: `Invalid ${path}: ${item}. It must be a finite number.` });
    }
    if (typeof item === "object" && item !== null) paths.set(item, path);
    return item;
  });
}

module.exports = { toJson };
