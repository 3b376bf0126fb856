"use strict";
// The built-in runtimes as adapters: name, image, and the command line for a piece of code. The engine does not
// use them, because it runs these runtimes natively. Callers use them to get the command, and as models.

const { adapter, shellQuote } = require("./commands.cjs");

const PythonAdapter = adapter({
  name: "python",
  fileExtension: ".py",
  getCommand: (code, filePath) => (filePath ? ["python3", filePath] : ["python3", "-c", code]),
});

const NodeAdapter = adapter({
  name: "node",
  fileExtension: ".mjs",
  getCommand: (code, filePath) => (filePath ? ["node", filePath] : ["node", "-e", code]),
});

const BunAdapter = adapter({
  name: "bun",
  fileExtension: ".ts",
  getCommand: (code, filePath) => (filePath ? ["bun", "run", filePath] : ["bun", "-e", code]),
});

const DENO_PERMISSIONS = [
  "--allow-read=/sandbox,/tmp",
  "--allow-write=/sandbox,/tmp",
  "--allow-env",
  "--allow-net",
];

const DenoAdapter = adapter({
  name: "deno",
  fileExtension: ".mts",
  getCommand(_code, filePath) {
    if (!filePath) {
      throw new Error("Deno adapter requires a file path — inline code is not supported.");
    }
    return ["deno", "run", ...DENO_PERMISSIONS, filePath];
  },
});

const bashAdapter = adapter({
  name: "bash",
  fileExtension: ".sh",
  getCommand: (code, filePath) => (filePath ? ["bash", filePath] : ["bash", "-c", code]),
});

const AGENT_SYSTEM_PROMPT = [
  "You are running inside an isol8 sandbox: an isolated container with limits on memory, CPU,",
  "processes, disk and time. Work in /sandbox, the only directory besides /tmp that you can write",
  "to. Network access may be limited to a list of allowed hosts, reached through the proxy that the",
  "environment names; other hosts answer 403, and retrying does not help. There is no terminal and",
  "nobody to answer questions: finish the task on your own.",
].join(" ");

/** The command line of the agent. The code is its prompt. The flags are shell words, passed on as they are. */
function agentCommand(prompt, agentFlags) {
  const words = ["pi", "--no-session", "--append-system-prompt", shellQuote(AGENT_SYSTEM_PROMPT)];
  if (agentFlags?.trim()) words.push(agentFlags.trim());
  words.push("-p", shellQuote(prompt));
  return ["bash", "-c", words.join(" ")];
}

const AgentAdapter = adapter({
  name: "agent",
  fileExtension: ".txt",
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
