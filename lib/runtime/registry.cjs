"use strict";
// Finds runtimes by name and by file extension. Owns the runtime registry of the process.

const { textOf } = require("../call-options.cjs");
const { errorCodes, runtimeAliases, runtimes } = require("../constants.json");
const { errorFrom, shown } = require("../errors.cjs");
const adapters = require("./adapters.cjs");

const CODE = errorCodes.unknownRuntime;
const INVALID_OPTION = errorCodes.invalidOption;

const byName = new Map();
const byExtension = new Map();
const builtIn = new Set(Object.values(adapters));

/** Returns the extension of a file name, with its dot and in lower case, or "" when it has none. */
function extensionOf(filename) {
  const base = filename.slice(Math.max(filename.lastIndexOf("/"), filename.lastIndexOf("\\")) + 1);
  const dot = base.lastIndexOf(".");
  return dot < 0 ? "" : base.slice(dot).toLowerCase();
}

/** Throws when an adapter lacks a method that the engine calls. */
function checkMethod(adapter, method) {
  if (typeof adapter[method] === "function") return;
  const message = `Invalid adapter "${adapter.name}": it has no method ${method}.`;
  throw errorFrom({ code: INVALID_OPTION, message });
}

/** Returns the file extensions of an adapter and its aliases, in lower case. */
function extensionsOf(adapter, aliases) {
  if (!Array.isArray(aliases)) {
    const message = `Invalid aliases: ${shown(aliases)}. They must be a list of file extensions.`;
    throw errorFrom({ code: INVALID_OPTION, message });
  }
  return [adapter.getFileExtension(), ...aliases].map((extension) =>
    textOf(extension, "file extension", INVALID_OPTION).toLowerCase(),
  );
}

const RuntimeRegistry = Object.freeze({
  /**
   * Adds a runtime, or replaces the one of the same name. Throws for an adapter without name or methods, and adds nothing.
   *
   * @param adapter gives the engine the image and the command
   * @param {string[]} aliases more file extensions of the runtime, with their dot
   */
  register(adapter, aliases = []) {
    const name = textOf(adapter?.name, "adapter.name", INVALID_OPTION);
    checkMethod(adapter, adapter.getCommandWithOptions ? "getCommandWithOptions" : "getCommand");
    checkMethod(adapter, "getFileExtension");
    const extensions = extensionsOf(adapter, aliases);
    byName.set(name, adapter);
    for (const extension of extensions) byExtension.set(extension, name);
  },

  /** Returns the adapter of that name, or of the runtime that the name stands for (`python3`). Throws when there is none. */
  get(name) {
    const own = Object.hasOwn(runtimeAliases, name) ? runtimeAliases[name] : undefined;
    const adapter = byName.get(name) ?? byName.get(own);
    if (!adapter) {
      const available = [...byName.keys()].join(", ");
      const message = `Unknown runtime: "${shown(name)}". Available: ${available}`;
      throw errorFrom({ code: CODE, message });
    }
    return adapter;
  },

  /** Returns the adapter for a file, by its extension. Throws when no runtime has that extension. */
  detect(filename) {
    const name = byExtension.get(extensionOf(shown(filename)));
    if (name === undefined) {
      const known = [...byExtension.keys()].join(", ");
      const message = `Cannot detect runtime for "${shown(filename)}". Known extensions: ${known}`;
      throw errorFrom({ code: CODE, message });
    }
    return byName.get(name);
  },

  /** Returns all adapters, in the order of their registration. */
  list() {
    return [...byName.values()];
  },
});

/**
 * Returns the adapter that a caller registered under this name, or undefined for a built-in runtime.
 * Throws for an unknown name. The message lists the registered names as well.
 */
function customAdapter(name) {
  const adapter = RuntimeRegistry.get(name);
  return builtIn.has(adapter) ? undefined : adapter;
}

for (const { name, extensions } of runtimes) {
  const [, ...aliases] = extensions;
  RuntimeRegistry.register(
    [...builtIn].find((adapter) => adapter.name === name),
    aliases,
  );
}

module.exports = { RuntimeRegistry, customAdapter };
