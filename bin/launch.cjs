"use strict";
// Finds the isol8 program and starts it: where the shell in isol8.cjs did not find it, and for who starts that file
// with Node.js or Bun.

const { execFileSync, spawn } = require("node:child_process");
const { accessSync, constants, readFileSync } = require("node:fs");
const { createRequire } = require("node:module");
const { constants: system } = require("node:os");
const { dirname, join } = require("node:path");

/** Signals that are passed on to the program. */
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP", "SIGWINCH"];

/** How often the program is looked at after a SIGTSTP, and for how long, in milliseconds. */
const LOOK = { every: 10, for: 2000 };

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

/** Whether a process is stopped. */
function isStopped(pid) {
  try {
    if (process.platform === "linux") return /\) T/.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
    return execFileSync("ps", ["-o", "state=", "-p", String(pid)], { encoding: "utf8" }).startsWith(
      "T",
    );
  } catch {
    return false;
  }
}

/**
 * Stops this process when a SIGTSTP has stopped the program, and goes on with it. The program does not stop where no
 * shell could make it go on (in an orphaned process group), nor when it handles the signal. This process must not stop
 * alone then.
 */
function stopWith(program) {
  let look;
  process.on("SIGTSTP", () => {
    clearInterval(look);
    const until = Date.now() + LOOK.for;
    program.child.kill("SIGTSTP");
    look = setInterval(() => {
      const stopped = isStopped(program.child.pid);
      if (stopped || Date.now() > until) clearInterval(look);
      if (stopped) process.kill(process.pid, "SIGSTOP");
    }, LOOK.every);
  });
  process.on("SIGCONT", () => {
    clearInterval(look);
    program.child.kill("SIGCONT");
  });
}

/** Starts the program beside this process, and ends as it does. */
function start(file, words) {
  const env = { ...process.env, ISOL8_LAUNCHER: String(process.pid) };
  // Before the start: the program may run before this process goes on, and no signal may be lost.
  const program = {};
  for (const signal of SIGNALS) process.on(signal, () => program.child.kill(signal));
  stopWith(program);
  program.child = spawn(file, words, { stdio: "inherit", env });
  const { child } = program;
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
