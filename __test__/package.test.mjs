// The packages as users get them: packed, and installed into an empty project. Node, Bun and Deno use them from
// there, as an ES module and as CommonJS. Nothing outside the project can be found.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { access, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { imageExists } from "../index.js";
import { pack } from "../scripts/pack.mjs";
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

const { PLATFORMS, explainMissing } = require("../lib/platform.cjs");

let project;
let packed;

/** The program of a user of the package. It prints what it found. */
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

/** Runs a command in the project. Its environment does not name the place of the addon. */
async function run(command, args, env = {}) {
  const { NAPI_RS_NATIVE_LIBRARY_PATH: _, ...inherited } = process.env;
  const { stdout } = await execute(command, args, {
    cwd: project,
    env: { ...inherited, NO_COLOR: "1", ...env },
    maxBuffer: 16 << 20,
  });
  return stdout;
}

/** Returns the path of Deno. It is copied out of the runtime image the first time. */
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
    // Copied under another name first, so that an incomplete copy is never taken for the program.
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
  // Deno adds its own names to the namespace of a CommonJS module.
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

const installed = (...path) => join(project, "node_modules", ...path);
const install = (...args) =>
  run("npm", ["install", "--offline", "--no-audit", "--no-fund", ...args]);

/** Returns the platform package for this machine. */
function platformPackage() {
  const platforms = Object.keys(packed.platforms);
  assert.equal(platforms.length, 1, "exactly one addon is built: npm run build");
  return platforms[0];
}

before(async () => {
  project = await mkdtemp(join(tmpdir(), "isol8-package-"));
  packed = await pack(join(project, "tarballs"));
  await writeFile(join(project, "package.json"), JSON.stringify({ name: "consumer" }));
  await install(packed.core);
  for (const [name, text] of Object.entries(CONSUMERS)) {
    await writeFile(join(project, name), text);
  }
});

after(() => rm(project, { recursive: true, force: true }));

test("the package depends only on its platform packages, at its own version", async () => {
  const manifest = JSON.parse(await readFile(installed(PACKAGE, "package.json"), "utf8"));
  assert.deepEqual([manifest.dependencies, manifest.peerDependencies], [undefined, undefined]);
  assert.deepEqual(
    manifest.optionalDependencies,
    Object.fromEntries(PLATFORMS.toSorted().map((name) => [`${PACKAGE}-${name}`, VERSION])),
  );
  const scope = (await readdir(installed())).filter((name) => !name.startsWith("."));
  assert.deepEqual([scope, await readdir(installed("@isol8"))], [["@isol8"], ["core"]]);
});

test("each platform of the napi configuration has a package", async () => {
  assert.deepEqual((await readdir(join(root, "npm"))).sort(), PLATFORMS.toSorted());
  for (const platform of PLATFORMS) {
    const manifest = require(`../npm/${platform}/package.json`);
    const [os, cpu, libc] = platform.split("-");
    assert.equal(manifest.name, `${PACKAGE}-${platform}`);
    assert.deepEqual([manifest.os, manifest.cpu], [[os], [cpu]]);
    assert.deepEqual(manifest.libc, libc && ["glibc"]);
    assert.deepEqual(manifest.files, [`isol8.${platform}.node`]);
  }
});

test("the package has exactly the expected files and is small", async () => {
  const files = (await readdir(installed(PACKAGE), { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(installed(PACKAGE).length + 1));
  const known =
    /^(bin\/(isol8|isol8-server|launch)\.cjs|lib\/.+\.cjs|lib\/constants\.json|types\/.+\.d\.cts|(index|remote)\.(js|cjs|d\.ts|d\.cts)|native\.cjs|schema\/.+\.json|package\.json|README\.md|LICENSE|CHANGELOG\.md)$/;
  assert.deepEqual(
    files.filter((path) => !known.test(path)),
    [],
  );
  for (const name of [
    "README.md",
    "LICENSE",
    "index.d.ts",
    "index.d.cts",
    "schema/isol8.config.schema.json",
  ]) {
    assert.ok(files.includes(name), name);
  }
  const size = (await readFile(packed.core)).length;
  assert.ok(size < 100 * 1024, `${size} bytes`);
});

test("without a platform package the import works, and making an engine throws an error with the remedy", async () => {
  const program = `const isol8 = require("${PACKAGE}");
new isol8.Semaphore(1);
try { new isol8.DockerIsol8(); } catch (error) { console.log(JSON.stringify([error.code, error.message])); }`;
  const [code, message] = JSON.parse(await run(NODE, ["-e", program]));
  assert.equal(code, "ISOL8_NATIVE_UNAVAILABLE");
  const name = `${PACKAGE}-${platformPackage()}`;
  assert.ok(message.includes(`its package ${name} is not installed. Reinstall`), message);
});

test("the error on an unsupported platform names it and the supported ones", () => {
  const message = explainMissing(new Error("no binding"), "win32-x64");
  assert.match(message, /is not available on win32-x64\. There is one for linux-x64-gnu, /);
  assert.match(message, /RemoteIsol8/);
});

test("NAPI_RS_NATIVE_LIBRARY_PATH can name another place for the addon", async () => {
  const addon = join(root, `isol8.${platformPackage()}.node`);
  assertUsed(await run(NODE, ["common.cjs"], { NAPI_RS_NATIVE_LIBRARY_PATH: addon }));
});

test("an installed platform package is found, and it has the addon, the program and no code", async () => {
  const platform = platformPackage();
  await install(packed.platforms[platform]);
  assert.deepEqual((await readdir(installed("@isol8"))).sort(), ["core", `core-${platform}`]);
  assert.deepEqual((await readdir(installed(`${PACKAGE}-${platform}`))).sort(), [
    "LICENSE",
    "README.md",
    "THIRD-PARTY.txt",
    "isol8",
    `isol8.${platform}.node`,
    "package.json",
  ]);
  // What the addon has of others: crates, the launcher's parser, the libraries of the guest.
  const notice = await readFile(installed(`${PACKAGE}-${platform}`, "THIRD-PARTY.txt"), "utf8");
  for (const part of [/^tokio \d/m, /^yamux \d/m, /^acorn \d/m, /standard library of Rust/]) {
    assert.match(notice, part);
  }
  assertUsed(await run(NODE, ["common.cjs"]));
});

test("the error for an addon that does not load names the cause", async () => {
  const addon = installed(`${PACKAGE}-${platformPackage()}`, `isol8.${platformPackage()}.node`);
  await rename(addon, `${addon}.away`);
  try {
    await writeFile(addon, "no library");
    const program = `try { new (require("${PACKAGE}").DockerIsol8)(); } catch (error) { console.log(error.message); }`;
    const message = await run(NODE, ["-e", program]);
    assert.match(message, /is installed and does not load: .+/);
  } finally {
    await rename(`${addon}.away`, addon);
  }
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
