"use strict";
// Finds the isol8 program and starts it: where the shell in isol8.cjs did not find it, and for who starts that file
// with Node.js or Bun.

const { spawn } = require("node:child_process");
const { accessSync, constants } = require("node:fs");
const { createRequire } = require("node:module");
const { constants: system } = require("node:os");
const { dirname, join } = require("node:path");

/** Signals that are passed on to the program. */
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP", "SIGWINCH"];

/** Returns the name of this platform, as the names of its packages end. */
function platform() {
  const machine = `${process.platform}-${process.arch}`;
  if (process.platform !== "linux") return machine;
  const { header } = process.report?.getReport?.() ?? {};
  const musl = header !== undefined && header.glibcVersionRuntime === undefined;
  return `${machine}-${musl ? "musl" : "gnu"}`;
}

/** Returns the path of the program, or undefined. */
function find(here) {
  const name = `@isol8/core-${here}/package.json`;
  const places = [
    () => join(dirname(require.resolve(name)), "isol8"),
    () =>
      join(
        dirname(createRequire(require.resolve("@isol8/core/package.json")).resolve(name)),
        "isol8",
      ),
    () => join(__dirname, "..", `isol8.${here}.bin`),
  ];
  for (const place of places) {
    try {
      const file = place();
      accessSync(file, constants.X_OK);
      return file;
    } catch {}
  }
  return undefined;
}

/** Starts the program beside this process, and ends as it does. */
function start(file, words) {
  const env = { ...process.env, ISOL8_LAUNCHER: String(process.pid) };
  const child = spawn(file, words, { stdio: "inherit", env });
  for (const signal of SIGNALS) process.on(signal, () => child.kill(signal));
  process.on("SIGTSTP", () => {
    child.kill("SIGTSTP");
    process.kill(process.pid, "SIGSTOP");
  });
  process.on("SIGCONT", () => child.kill("SIGCONT"));
  child.on("error", (error) => {
    console.error(`[ERR] ${file} does not start: ${error.message}`);
    process.exit(1);
  });
  child.on("exit", (code, signal) => {
    if (signal === null) process.exit(code);
    for (const name of SIGNALS) process.removeAllListeners(name);
    process.kill(process.pid, signal);
    // A signal that does not end this process must not look like success.
    setTimeout(() => process.exit(128 + system.signals[signal]), 1000);
  });
}

const here = platform();
const file = find(here);
if (file === undefined) {
  console.error(
    `[ERR] The isol8 program is not available on ${here}: its package @isol8/core-${here} is not installed. ` +
      "Reinstall with optional dependencies (npm: without --omit=optional), on the platform that it runs on.",
  );
  process.exit(1);
}
start(file, process.argv.slice(2));
