"use strict";
// What callers wrote, as JSON for the native engine. What JSON would leave out or cannot say is an error
// that names the field: a limit that was miscalculated (NaN) would silently be none.

const { errorFrom } = require("./errors.cjs");

/** Halves of characters, as texts that were cut have them. UTF-8 cannot say them. */
const HALF_CHARACTERS = /\p{Surrogate}/gu;

/** JSON of `value`. Throws an error with `code` that names the field that is wrong. */
function toJson(value, code) {
  const paths = new Map();
  const holders = new Map();
  return JSON.stringify(value, function checked(key, item) {
    const parent = paths.get(this);
    const path = parent ? `${parent}.${key}` : key;
    const refuse = (what) => {
      throw errorFrom({ code, message: `Invalid ${path}: ${what}` });
    };
    if (typeof item === "string") return item.replace(HALF_CHARACTERS, "\ufffd");
    if (typeof item === "number" && !Number.isFinite(item)) {
      refuse(`${item}. It must be a finite number.`);
    }
    if (typeof item === "bigint") refuse(`${item}. It must be a number, not a bigint.`);
    if (typeof item === "object" && item !== null) {
      for (let holder = this; holder !== undefined; holder = holders.get(holder)) {
        if (holder === item) refuse("it contains itself.");
      }
      paths.set(item, path);
      holders.set(item, this);
    }
    return item;
  });
}

/** `value`, which must be an object; `what` names it in the error with `code`. */
function objectOf(value, what, code) {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value;
  const given = Array.isArray(value) ? "a list" : String(value);
  throw errorFrom({ code, message: `Invalid ${what}: ${given}. It must be an object.` });
}

module.exports = { objectOf, toJson };
