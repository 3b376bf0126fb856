"use strict";
// What the built-in adapters share. The facts about a runtime come from the engine.

const { runtimes } = require("../constants.json");

/** Returns what the engine knows about a runtime. */
const factsOf = (name) => runtimes.find((runtime) => runtime.name === name);

/**
 * Makes a frozen adapter. To change a built-in one, a caller registers a changed copy under its name.
 *
 * @param {string} name
 * @param {object} rest methods of its own, or `inline`, which returns the command line for code without a file
 */
function adapter(name, { inline, ...rest }) {
  const { image, extensions, command } = factsOf(name);
  return Object.freeze({
    name,
    image,
    getFileExtension: () => extensions[0],
    getCommand: (code, filePath) =>
      filePath ? command.map((word) => (word === "{path}" ? filePath : word)) : inline(code),
    ...rest,
  });
}

/** Quotes a text, so that a POSIX shell reads it as one word. */
function shellQuote(text) {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** The command line of the agent. The code is its prompt. The flags are shell words, passed on as they are. */
function agentCommand(prompt, agentFlags) {
  const words = factsOf("agent").command.map((word) => {
    if (word === "{code}") return shellQuote(prompt);
    if (word === "{flags}") return agentFlags?.trim() ?? "";
    return /^[\w-]+$/.test(word) ? word : shellQuote(word);
  });
  return ["bash", "-c", words.filter((word) => word !== "").join(" ")];
}

module.exports = { adapter, agentCommand };
