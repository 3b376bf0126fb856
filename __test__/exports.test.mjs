// The exports that need no sandbox: names, identities, runtime registry, adapters, helpers.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import * as isol8 from "@isol8/core";
import { test } from "./helpers/harness.mjs";

const require = createRequire(import.meta.url);
const read = (path) => readFileSync(new URL(path, import.meta.url), "utf8");

/** Names of the values that index.d.cts declares. */
function declaredValues() {
  const source = read("../index.d.cts");
  const blocks = [...source.matchAll(/export \{([^}]*)\}/g)].map(([, names]) => names);
  return blocks
    .flatMap((names) => names.split(","))
    .map((name) => name.trim())
    .filter(Boolean)
    .sort();
}

test("the names at run time are the names in the types", () => {
  assert.deepEqual(Object.keys(isol8).sort(), declaredValues());
});

test("every value and type is used by name in the programs that are type-checked", () => {
  const names = (source, pattern) =>
    [...source.matchAll(pattern)]
      .flatMap(([, list]) => list.split(","))
      .map((name) => name.replace(/^\s*type\s+/, "").trim())
      .filter(Boolean)
      .sort();
  const exported = names(read("../index.d.cts"), /export (?:type )?\{([^}]*)\}/g);
  const programs = readdirSync(new URL("types/usage", import.meta.url));
  const sources = programs.map((file) => read(`types/usage/${file}`)).join("\n");
  const imported = names(sources, /import \{([^}]*)\} from "@isol8\/core"/g);
  assert.deepEqual([...new Set(imported)], exported);
});

test("import and require give the same objects", () => {
  const required = require("@isol8/core");
  assert.deepEqual(Object.keys(required).sort(), Object.keys(isol8).sort());
  for (const [name, value] of Object.entries(isol8)) assert.equal(required[name], value, name);
});

test("VERSION is the version of the package and of the engine", () => {
  const { version } = JSON.parse(read("../package.json"));
  assert.equal(isol8.VERSION, version);
  assert.equal(/^version = "(.+)"$/m.exec(read("../Cargo.toml"))[1], version);
});

test("the schema is a subpath of the package", () => {
  const schema = require("@isol8/core/schema");
  assert.ok(schema.properties.maxConcurrent);
});

test("labels have their names", () => {
  assert.deepEqual(isol8.LABELS, {
    dockerHash: "org.isol8.build.hash",
    depsHash: "org.isol8.deps.hash",
    runtime: "org.isol8.runtime",
    dependencies: "org.isol8.dependencies",
    setupScript: "org.isol8.setup",
  });
});

test("a semaphore counts and serves in order", async () => {
  assert.throws(() => new isol8.Semaphore(0), { message: "Semaphore max must be >= 1" });
  assert.throws(() => new isol8.Semaphore(Number.NaN), { message: "Semaphore max must be >= 1" });
  const semaphore = new isol8.Semaphore(2);
  await semaphore.acquire();
  await semaphore.acquire();
  assert.deepEqual([semaphore.available, semaphore.pending], [0, 0]);
  const order = [];
  const waiting = [1, 2, 3].map((n) => semaphore.acquire().then(() => order.push(n)));
  assert.equal(semaphore.pending, 3);
  for (let n = 0; n < 3; n += 1) semaphore.release();
  await Promise.all(waiting);
  assert.deepEqual(order, [1, 2, 3]);
  semaphore.release();
  semaphore.release();
  semaphore.release();
  assert.deepEqual([semaphore.available, semaphore.pending], [2, 0]);
});

test("the logger writes to the documented streams", () => {
  const seen = [];
  const saved = { log: console.log, warn: console.warn, error: console.error };
  for (const name of Object.keys(saved)) console[name] = (...args) => seen.push([name, ...args]);
  try {
    isol8.logger.debug("off");
    isol8.logger.setDebug(true);
    isol8.logger.debug("on", 1);
    isol8.logger.setDebug(false);
    isol8.logger.debug("off");
    isol8.logger.info("i");
    isol8.logger.warn("w");
    isol8.logger.error("e");
  } finally {
    Object.assign(console, saved);
  }
  assert.deepEqual(seen, [
    ["log", "[DEBUG]", "on", 1],
    ["log", "i"],
    ["warn", "[WARN]", "w"],
    ["error", "[ERROR]", "e"],
  ]);
});

test("runtimes are found by name and by file", () => {
  const { RuntimeRegistry } = isol8;
  assert.equal(RuntimeRegistry.get("python"), isol8.PythonAdapter);
  const files = { "a/b.py": "python", "x.mjs": "node", "x.js": "node", "x.CJS": "node" };
  Object.assign(files, { "x.ts": "bun", "x.sh": "bash", "x.mts": "deno", "prompt.txt": "agent" });
  for (const [file, name] of Object.entries(files)) {
    assert.equal(RuntimeRegistry.detect(file).name, name, file);
  }
  assert.throws(() => RuntimeRegistry.get("X"), {
    message: 'Unknown runtime: "X". Available: python, node, bun, bash, deno, agent',
  });
  assert.throws(() => RuntimeRegistry.detect("dir.py/Makefile"), {
    message:
      'Cannot detect runtime for "dir.py/Makefile". ' +
      "Known extensions: .py, .mjs, .js, .cjs, .ts, .sh, .mts, .txt",
  });
  const names = RuntimeRegistry.list().map(({ name }) => name);
  assert.deepEqual(names, ["python", "node", "bun", "bash", "deno", "agent"]);
});

test("adapters return their commands", () => {
  const commands = (adapter) => [adapter.getCommand("C"), adapter.getCommand("C", "/f")];
  assert.deepEqual(commands(isol8.PythonAdapter), [
    ["python3", "-c", "C"],
    ["python3", "/f"],
  ]);
  assert.deepEqual(commands(isol8.NodeAdapter), [
    ["node", "-e", "C"],
    ["node", "/f"],
  ]);
  assert.deepEqual(commands(isol8.BunAdapter), [
    ["bun", "-e", "C"],
    ["bun", "run", "/f"],
  ]);
  assert.deepEqual(commands(isol8.bashAdapter), [
    ["bash", "-c", "C"],
    ["bash", "/f"],
  ]);
  assert.equal(isol8.DenoAdapter.getCommand("C", "/f").at(-1), "/f");
  assert.throws(() => isol8.DenoAdapter.getCommand("C"), {
    message: "Deno adapter requires a file path — inline code is not supported.",
  });
  const [shell, flag, line] = isol8.AgentAdapter.getCommandWithOptions("it's", {
    agentFlags: "--model m",
  });
  assert.deepEqual([shell, flag], ["bash", "-c"]);
  assert.match(line, /^pi --no-session --append-system-prompt '.*' --model m -p 'it'\\''s'$/);
  for (const adapter of isol8.RuntimeRegistry.list()) {
    assert.equal(adapter.image, `isol8:${adapter.name}`);
    assert.equal(isol8.RuntimeRegistry.detect(`x${adapter.getFileExtension()}`), adapter);
  }
});
