// The package as users get it: packed, installed into an empty project beside its platform package,
// and used from there as an ES module and as CommonJS, in Node, Bun and Deno.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { access, mkdir, mkdtemp, readdir, rename, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { imageExists } from "../index.js";
import { docker } from "./helpers/docker.mjs";
import { test } from "./helpers/harness.mjs";

const execute = promisify(execFile);
const require = createRequire(import.meta.url);
const root = fileURLToPath(new URL("..", import.meta.url));
const NODE = process.versions.bun ? "node" : process.execPath;
const BUN = join(root, "node_modules/.bin/bun");
const DENO = join(root, ".cache/deno/deno");
const DENO_IMAGE = "isol8:deno";
const NAMES = Object.keys(require("../index.cjs")).sort();
const { name: PACKAGE, version: VERSION } = require("../package.json");

let project;
let addon;

/** What a consumer does with the package, and says. */
const USE = `
const engine = new isol8.DockerIsol8({ network: "none" });
const result = await engine.execute({ runtime: "python", code: "print(6 * 7)" });
await engine.stop();
console.log(JSON.stringify({
  names: Object.keys(isol8).sort(),
  missing: Object.keys(isol8).filter((name) => isol8[name] === undefined),
  version: isol8.VERSION,
  schema: Object.keys(schema.properties),
  result,
}));
`;
const CONSUMERS = {
  "esm.mjs": `import * as isol8 from "${PACKAGE}";
import schema from "${PACKAGE}/schema" with { type: "json" };
${USE}`,
  "named.mjs": `import { ${NAMES.join(", ")} } from "${PACKAGE}";
import schema from "${PACKAGE}/schema" with { type: "json" };
const isol8 = { ${NAMES.join(", ")} };
${USE}`,
  "common.cjs": `const isol8 = require("${PACKAGE}");
const schema = require("${PACKAGE}/schema");
(async () => {${USE}})();`,
};

/** Runs a command in the project, whose environment says nothing of where the addon is. */
async function run(command, args, env = {}) {
  const { NAPI_RS_NATIVE_LIBRARY_PATH: _, ...inherited } = process.env;
  const { stdout } = await execute(command, args, {
    cwd: project,
    env: { ...inherited, NO_COLOR: "1", ...env },
    maxBuffer: 16 << 20,
  });
  return stdout;
}

/** The Deno program, taken out of its runtime image the first time. */
async function deno() {
  try {
    await access(DENO);
    return DENO;
  } catch {}
  assert.ok(
    await imageExists(undefined, DENO_IMAGE),
    `${DENO_IMAGE} is missing: npm test builds it`,
  );
  await mkdir(join(root, ".cache/deno"), { recursive: true });
  const container = await docker("create", DENO_IMAGE);
  try {
    // Under another name first: a copy that was cut off must not look like the program.
    const partial = `${DENO}.${process.pid}`;
    await docker("cp", `${container}:/usr/local/bin/deno`, partial);
    await rename(partial, DENO);
  } finally {
    await docker("rm", container);
  }
  return DENO;
}

function assertUsed(stdout) {
  const { names, missing, version, schema, result } = JSON.parse(stdout);
  // Deno adds names of its own to a CommonJS module's namespace.
  assert.deepEqual(
    NAMES.filter((name) => !names.includes(name)),
    [],
  );
  assert.deepEqual(
    missing.filter((name) => NAMES.includes(name)),
    [],
  );
  assert.equal(version, VERSION);
  assert.ok(schema.includes("maxConcurrent") && schema.includes("remoteCode"), String(schema));
  assert.deepEqual([result.exitCode, result.stdout, result.stderr], [0, "42", ""]);
}

before(async () => {
  project = await mkdtemp(join(tmpdir(), "isol8-package-"));
  const [binary, ...more] = (await readdir(root)).filter((name) => name.endsWith(".node"));
  assert.ok(binary && more.length === 0, "exactly one addon is built: npm run build");
  addon = join(root, binary);
  const { stdout } = await execute("npm", ["pack", "--json", "--pack-destination", project], {
    cwd: root,
  });
  const [{ filename }] = JSON.parse(stdout);

  // As published: a package for each platform, whose only content is its addon.
  const triple = binary.replace(/^isol8\.(.+)\.node$/, "$1");
  const platform = join(project, "platform");
  await mkdir(platform);
  await writeFile(
    join(platform, "package.json"),
    JSON.stringify({ name: `${PACKAGE}-${triple}`, version: VERSION, main: "addon.cjs" }),
  );
  await writeFile(
    join(platform, "addon.cjs"),
    `module.exports = require(${JSON.stringify(addon)});`,
  );
  await writeFile(join(project, "package.json"), JSON.stringify({ name: "consumer" }));
  await run("npm", ["install", "--offline", "--no-audit", "--no-fund", `./${filename}`]);
  for (const [name, text] of Object.entries(CONSUMERS)) {
    await writeFile(join(project, name), text);
  }
});

after(() => rm(project, { recursive: true, force: true }));

test("the package needs no other, and brings its documentation and types", async () => {
  const installed = join(project, "node_modules");
  assert.deepEqual(
    (await readdir(installed)).filter((name) => !name.startsWith(".")),
    ["@isol8"],
  );
  const files = await readdir(join(installed, PACKAGE));
  for (const name of ["README.md", "LICENSE", "CHANGELOG.md", "index.d.ts", "index.d.cts"]) {
    assert.ok(files.includes(name), name);
  }
  assert.ok(!files.some((name) => name.endsWith(".node") || name === "crates"), String(files));
});

test("without a platform package it imports, and says what to do when an engine is made", async () => {
  const program = `const isol8 = require("${PACKAGE}");
new isol8.Semaphore(1);
try { new isol8.DockerIsol8(); } catch (error) { console.log(JSON.stringify([error.code, error.message])); }`;
  const [code, message] = JSON.parse(await run(NODE, ["-e", program]));
  assert.equal(code, "ISOL8_NATIVE_UNAVAILABLE");
  assert.match(message, /Reinstall the package with optional dependencies enabled/);
});

test("the addon may be elsewhere, as NAPI_RS_NATIVE_LIBRARY_PATH says", async () => {
  assertUsed(await run(NODE, ["common.cjs"], { NAPI_RS_NATIVE_LIBRARY_PATH: addon }));
});

test("the platform package is found", async () => {
  await run("npm", ["install", "--offline", "--no-audit", "--no-fund", "./platform"]);
  assertUsed(await run(NODE, ["common.cjs"]));
});

const RUNNERS = {
  Node: { command: async () => NODE, args: [] },
  Bun: { command: async () => BUN, args: ["run"] },
  Deno: { command: deno, args: ["run", "--allow-all", "--no-prompt"] },
};

for (const [runner, { command, args }] of Object.entries(RUNNERS)) {
  for (const [file, how] of [
    ["esm.mjs", "as a module's namespace"],
    ["named.mjs", "by the name of every export"],
    ["common.cjs", "from CommonJS"],
  ]) {
    test(`${runner} uses the package ${how}`, async () => {
      assertUsed(await run(await command(), [...args, file]));
    });
  }
}
