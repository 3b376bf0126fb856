"use strict";
// Turns what callers wrote into JSON for the native engine. A value that JSON would drop or cannot express
// is an error that names the field. Otherwise a miscalculated limit (NaN) would silently mean no limit.

const { errorFrom, shown } = require("./errors.cjs");

/** Lone surrogates, which a text has that was cut inside a character. UTF-8 cannot encode them. */
const HALF_CHARACTERS = /\p{Surrogate}/gu;

/** Returns a text that UTF-8 can encode. */
const wellFormed = (text) => text.replace(HALF_CHARACTERS, "\ufffd");

/** Returns the JSON of `value`. Throws an error with `code` that names the wrong field. */
function toJson(value, code) {
  const paths = new Map();
  const holders = new Map();
  return JSON.stringify(value, function checked(key, item) {
    const parent = paths.get(this);
    const path = parent ? `${parent}.${key}` : key;
    const refuse = (what) => {
      throw errorFrom({ code, message: `Invalid ${path}: ${what}` });
    };
    if (typeof item === "string") return wellFormed(item);
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

/** Returns `value` if it is an object. Otherwise throws an error with `code`, in which `what` names the value. */
function objectOf(value, what, code) {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value;
  const given = Array.isArray(value) ? "a list" : shown(value);
  throw errorFrom({ code, message: `Invalid ${what}: ${given}. It must be an object.` });
}

module.exports = { objectOf, toJson, wellFormed };
