"use strict";
// Which runtimes there are, by name and by file extension. Owns the process-wide registry.

const { errorFrom } = require("../errors.cjs");
const adapters = require("./adapters.cjs");

const CODE = "ISOL8_UNKNOWN_RUNTIME";

const byName = new Map();
const byExtension = new Map();
const builtIn = new Set(Object.values(adapters));

/** The extension of a file's name, with its dot and in lower case; "" when it has none. */
function extensionOf(filename) {
  const base = filename.slice(Math.max(filename.lastIndexOf("/"), filename.lastIndexOf("\\")) + 1);
  const dot = base.lastIndexOf(".");
  return dot < 0 ? "" : base.slice(dot).toLowerCase();
}

const RuntimeRegistry = Object.freeze({
  /**
   * Adds a runtime, or replaces the one of the same name.
   *
   * @param adapter what the engine asks for image and command
   * @param {string[]} aliases more file extensions that belong to it, with their dot
   */
  register(adapter, aliases = []) {
    byName.set(adapter.name, adapter);
    for (const extension of [adapter.getFileExtension(), ...aliases]) {
      byExtension.set(extension.toLowerCase(), adapter.name);
    }
  },

  /** The adapter of that name. Throws when there is none. */
  get(name) {
    const adapter = byName.get(name);
    if (!adapter) {
      const available = [...byName.keys()].join(", ");
      const message = `Unknown runtime: "${name}". Available: ${available}`;
      throw errorFrom({ code: CODE, message });
    }
    return adapter;
  },

  /** The adapter for a file, by its extension. Throws when no runtime claims it. */
  detect(filename) {
    const name = byExtension.get(extensionOf(filename));
    if (name === undefined) {
      const known = [...byExtension.keys()].join(", ");
      const message = `Cannot detect runtime for "${filename}". Known extensions: ${known}`;
      throw errorFrom({ code: CODE, message });
    }
    return byName.get(name);
  },

  /** All adapters, in the order in which they were registered. */
  list() {
    return [...byName.values()];
  },
});

/**
 * The adapter that a caller registered under this name, or undefined when the engine runs it
 * natively. An unknown name throws, with the names that the caller registered among the known ones.
 */
function customAdapter(name) {
  const adapter = RuntimeRegistry.get(name);
  return builtIn.has(adapter) ? undefined : adapter;
}

RuntimeRegistry.register(adapters.PythonAdapter);
RuntimeRegistry.register(adapters.NodeAdapter, [".js", ".cjs"]);
RuntimeRegistry.register(adapters.BunAdapter);
RuntimeRegistry.register(adapters.bashAdapter);
RuntimeRegistry.register(adapters.DenoAdapter);
RuntimeRegistry.register(adapters.AgentAdapter);

module.exports = { RuntimeRegistry, customAdapter };
