"use strict";
// Lists the platforms that have a native engine, each in a package of its own. Writes the error message
// for platforms without one.

const process = require("node:process");

/** The platforms, as the names of their packages end (npm/). */
const PLATFORMS = Object.freeze(["linux-x64-gnu", "linux-arm64-gnu", "darwin-x64", "darwin-arm64"]);

/** Returns the name of this platform in the same form. */
function platform() {
  const machine = `${process.platform}-${process.arch}`;
  if (process.platform !== "linux") return machine;
  const { header } = process.report?.getReport?.() ?? {};
  // Only glibc puts its version into the report. Without a report the C library is unknown, and glibc is assumed.
  const musl = header !== undefined && header.glibcVersionRuntime === undefined;
  return `${machine}-${musl ? "musl" : "gnu"}`;
}

/** Whether `require` finds a package. The package may still fail to load. */
function isInstalled(name) {
  try {
    require.resolve(`${name}/package.json`);
    return true;
  } catch {
    return false;
  }
}

/** Finds the message that helps in a chain of errors. Most of them only name places without an addon. */
function reason(cause) {
  for (let error = cause; error; error = error.cause) {
    if (!/^Cannot find (module|native binding)/.test(error.message)) return error.message;
  }
  return cause.message;
}

/** Returns the message for a native engine that cannot be loaded on the platform `here` because of `cause`. */
function explainMissing(cause, here = platform()) {
  const start = `The native engine of @isol8/core is not available on ${here}`;
  if (!PLATFORMS.includes(here)) {
    return (
      `${start}. There is one for ${PLATFORMS.join(", ")}. ` +
      "Elsewhere, RemoteIsol8 uses the engine of an isol8 server."
    );
  }
  const name = `@isol8/core-${here}`;
  if (isInstalled(name))
    return `${start}: ${name} is installed and does not load: ${reason(cause)}`;
  return (
    `${start}: its package ${name} is not installed. Reinstall @isol8/core with optional dependencies ` +
    "(npm: without --omit=optional), on the platform that the program runs on; " +
    "in a checkout of the sources, `npm run build` makes it."
  );
}

module.exports = { PLATFORMS, explainMissing };
