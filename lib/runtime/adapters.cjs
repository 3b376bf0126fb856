"use strict";
// The built-in runtimes as adapters: name, image, and the command line for a piece of code. The engine does not
// use them, because it runs these runtimes natively. Callers use them to get the command, and as models.

const { errorCodes } = require("../constants.json");
const { errorFrom } = require("../errors.cjs");
const { adapter, agentCommand } = require("./commands.cjs");

const PythonAdapter = adapter("python", { inline: (code) => ["python3", "-c", code] });
const NodeAdapter = adapter("node", { inline: (code) => ["node", "-e", code] });
const BunAdapter = adapter("bun", { inline: (code) => ["bun", "-e", code] });
const bashAdapter = adapter("bash", { inline: (code) => ["bash", "-c", code] });

const DenoAdapter = adapter("deno", {
  inline() {
    const message = "Deno adapter requires a file path — inline code is not supported.";
    throw errorFrom({ code: errorCodes.invalidRequest, message });
  },
});

const AgentAdapter = adapter("agent", {
  getCommand: (code) => agentCommand(code),
  getCommandWithOptions: (code, options = {}) => agentCommand(code, options.agentFlags),
});

module.exports = {
  AgentAdapter,
  BunAdapter,
  DenoAdapter,
  NodeAdapter,
  PythonAdapter,
  bashAdapter,
};
