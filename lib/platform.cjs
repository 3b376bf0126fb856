"use strict";
// For which platforms there is a native engine, each in a package of its own, and what to do where
// there is none.

const process = require("node:process");

/** The platforms, as in the names of their packages (npm/). */
const PLATFORMS = Object.freeze(["linux-x64-gnu", "linux-arm64-gnu", "darwin-x64", "darwin-arm64"]);

/** This machine in the same terms. */
function platform() {
  const machine = `${process.platform}-${process.arch}`;
  if (process.platform !== "linux") return machine;
  const { header } = process.report?.getReport?.() ?? {};
  // A report without that version is one of musl; without a report nothing is known.
  const musl = header !== undefined && header.glibcVersionRuntime === undefined;
  return `${machine}-${musl ? "musl" : "gnu"}`;
}

/** Whether `require` finds a package, usable or not. */
function isInstalled(name) {
  try {
    require.resolve(`${name}/package.json`);
    return true;
  } catch {
    return false;
  }
}

/** What went wrong with the addon that was found, among the errors for all places without one. */
function reason(cause) {
  for (let error = cause; error; error = error.cause) {
    if (!/^Cannot find (module|native binding)/.test(error.message)) return error.message;
  }
  return cause.message;
}

/** What to tell when the native engine cannot be loaded here, because of `cause`. */
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
