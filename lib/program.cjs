"use strict";
// The end of the program that has engines or servers.

const process = require("node:process");

const { native } = require("./native.cjs");

let program;

/**
 * Makes the end of the process wait for a container that is just being created. Every other sandbox ends
 * with the process by itself. An addon's own clean-up does not run in `process.exit`, so JavaScript listens.
 */
function watchExit() {
  if (program) return;
  program = new (native().NativeProgram)();
  process.once("exit", () => program.end());
}

module.exports = { watchExit };
