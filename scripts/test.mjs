// npm test: runs every check. npm run test:long (`--long`): runs what takes longer than a change should wait.
// `--only WORD…` runs the steps whose names contain one of these words.

import { readdirSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fuzz } from "./fuzz.mjs";
import { debugBuild, docker, foreignImage, images, testTools } from "./machine.mjs";
import { pack } from "./pack.mjs";
import { rustTests } from "./rust-tests.mjs";
import { carryOut, NotRun, root, run } from "./steps.mjs";

const cargo = (...args) => run("cargo", args);
const tool = (name, ...args) => run(`node_modules/.bin/${name}`, args);
const tests = readdirSync(`${root}/__test__`)
  .filter((name) => name.endsWith(".test.mjs"))
  .map((name) => `__test__/${name}`);

/** Tests that hold on every backend. */
const backendTests = ["containment", "hostile", "reuse"].map((name) => `__test__/${name}.test.mjs`);

/** Checks for known vulnerabilities. Their list is on the network. Without it the step counts as not run. */
async function advisories() {
  try {
    await run("cargo", ["deny", "check", "advisories"], { quiet: true });
  } catch (error) {
    if (/failed to fetch advisory database/.test(error.output ?? "")) {
      throw new NotRun("the database of advisories cannot be reached");
    }
    throw error;
  }
}

/** Checks that generated files are committed: generating them again must leave no difference. */
async function generatedFiles() {
  await run("npm", ["run", "--silent", "platforms"], { quiet: true });
  const generated = ["native.cjs", "native.d.ts", "npm", "schema"];
  await run("git", ["diff", "--exit-code", "--stat", "--", ...generated]);
}

/** Checks the packages in the form in which they are published. */
async function packedPackages() {
  const folder = await mkdtemp(join(tmpdir(), "isol8-packed-"));
  try {
    const { core, platforms, commands } = await pack(folder);
    for (const tarball of [core, ...Object.values(platforms), ...Object.values(commands)]) {
      await tool("publint", "--strict", tarball);
    }
    await tool("attw", core);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Installs modules of the jsr registry. Many machines cannot reach it. Then the step counts as not run. */
async function jsrModules() {
  const said = await run("node", ["__test__/jsr.mjs"], { quiet: true });
  if (said.trim()) throw new NotRun(said.trim());
}

/** Requests to each endpoint that schemathesis sends, in a change's run and in the long one. */
const ASKED = 2;
const ASKED_LONG = 50;

/** Asks a server what its OpenAPI document describes, in a process of its own: it loads the addon. */
async function describedServer(count) {
  const words = ["scripts/schemathesis.mjs", String(count)];
  const said = await run("node", words, { watched: true, minutes: MINUTES });
  const [, why] = /^not run: (.*)$/m.exec(said) ?? [];
  if (why) throw new NotRun(why);
}

/** The tests that the summaries of a JavaScript runner say have passed, and have been skipped. */
function counted(output, passed, skipped) {
  const sum = (pattern) =>
    [...output.matchAll(pattern)].reduce((total, [, count]) => total + Number(count), 0);
  const notRun = sum(skipped);
  return { passed: sum(passed), notRun: notRun > 0 ? [`${notRun} skipped tests`] : [] };
}

/** Installs pinned runtimes for local sandboxes, where Rust's tests look for them. */
function installedRuntimes(...only) {
  const env = { XDG_CACHE_HOME: `${root}/.cache` };
  return run("node", ["bin/isol8.cjs", "setup", "--backend", "local", ...only], { env });
}

/** Minutes after which a command of JavaScript tests is killed, with the tests of one file at most. */
const MINUTES = 30;
const FILE_MINUTES = 15;

/** Runs tests under Node. `env` is what their environment has beside this process's. */
async function nodeTests(files, env = {}) {
  const limit = `--test-timeout=${FILE_MINUTES * 60_000}`;
  const words = ["--test", "--test-reporter=spec", limit, ...files];
  const output = await run("node", words, { watched: true, minutes: MINUTES, env });
  return counted(output, /^ℹ pass (\d+)/gm, /^ℹ (?:skipped|todo) (\d+)/gm);
}

async function bunTests() {
  const outputs = [];
  const failed = [];
  for (const file of tests) {
    const words = ["test", "--timeout", "180000", `./${file}`];
    const options = { watched: true, minutes: FILE_MINUTES };
    const running = run("node_modules/.bin/bun", words, options);
    outputs.push(await running.catch(() => failed.push(file) && ""));
  }
  if (failed.length > 0) throw new Error(`failed under Bun: ${failed.join(", ")}`);
  return counted(outputs.join("\n"), /^ *(\d+) pass$/gm, /^ *(\d+) (?:skip|todo)$/gm);
}

const steps = [
  testTools,
  { name: "formatting of Rust", run: () => cargo("fmt", "--check") },
  {
    name: "formatting and lints of JavaScript",
    run: () => tool("biome", "check", "--error-on-warnings", "."),
  },
  { name: "prose", run: () => run("node", ["scripts/check-prose.mjs"]) },
  {
    name: "lints of Rust",
    run: () => cargo("clippy", "--workspace", "--all-targets", "--quiet", "--", "-D", "warnings"),
  },
  {
    name: "dependencies",
    run: () => cargo("deny", "check", "licenses", "bans", "sources"),
  },
  { name: "advisories", run: advisories },
  docker,
  debugBuild,
  { name: "generated files", run: generatedFiles },
  images,
  foreignImage,
  { name: "an ssh server", run: () => run("sh", ["scripts/ensure-ssh-server.sh"]) },
  { name: "Node.js 18", run: () => run("sh", ["scripts/ensure-node18.sh"]) },
  {
    name: "tools of local sandboxes",
    run: () => run("sh", ["scripts/ensure-local-tools.sh"]),
  },
  { name: "agent of local sandboxes", run: () => installedRuntimes("--only", "agent") },
  { name: "other engines", run: () => run("sh", ["scripts/ensure-engines.sh"]) },
  { name: "databases", run: () => run("sh", ["scripts/ensure-databases.sh"]) },
  { name: "types", run: () => run("node", ["scripts/check-types.mjs"]) },
  { name: "package", run: packedPackages },
  { name: "Rust", run: () => rustTests("--skip", "fidelity::", "--skip", "cpython::") },
  { name: "Rust: programs cannot tell", run: () => rustTests("fidelity::") },
  { name: "Rust: Python's own tests", run: () => rustTests("cpython::") },
  { name: "fuzz targets", run: () => fuzz() },
  { name: "seccomp", run: () => nodeTests(["docker/tests/seccomp.test.mjs"]) },
  { name: "JavaScript under Node", run: () => nodeTests(tests) },
  {
    name: "JavaScript on local sandboxes",
    run: () => nodeTests(backendTests, { ISOL8_TEST_BACKEND: "local" }),
  },
  { name: "JavaScript under Bun", run: bunTests },
  { name: "OpenAPI document of the server", run: () => describedServer(ASKED) },
  { name: "modules of jsr", run: jsrModules },
];

/** What takes longer than a change should wait, with what it needs. */
const longSteps = [
  testTools,
  docker,
  debugBuild,
  images,
  foreignImage,
  { name: "runtimes of local sandboxes", run: () => installedRuntimes() },
  { name: "Rust: all of Python's own tests", run: () => rustTests("cpython::") },
  {
    name: "Rust: long sessions, and local sandboxes",
    run: () => rustTests("sessions::random", "sessions::memory", "local::", "starts::many"),
  },
  { name: "Rust: a folder of 100,000 files with 2 GiB", run: () => rustTests("run_folders::") },
  {
    name: "JavaScript: a server under load for a minute",
    run: () => nodeTests(["__test__/server-load.test.mjs"], { ISOL8_LOAD_SECONDS: "60" }),
  },
  { name: "webpack and Next.js", run: () => nodeTests(["__test__/long/frameworks.test.mjs"]) },
  { name: "OpenAPI document of the server, in depth", run: () => describedServer(ASKED_LONG) },
  {
    name: "JavaScript: all languages on other engines",
    async run() {
      await run("sh", ["scripts/ensure-engines.sh"]);
      return nodeTests(["__test__/engines.test.mjs"]);
    },
  },
  { name: "fuzz targets, ten minutes each", run: () => fuzz(600) },
];

const words = process.argv.slice(2);
const long = words.includes("--long");
if (long) process.env.ISOL8_TEST_LONG = "1";
const only = words.filter((word) => word !== "--only" && word !== "--long");
const all = long ? longSteps : steps;
const wanted = all.filter(
  ({ name }) => only.length === 0 || only.some((word) => name.toLowerCase().includes(word)),
);
if (wanted.length === 0) {
  console.error(
    `[ERR] no step matches ${only.join(", ")}; there are: ${all.map(({ name }) => name).join("; ")}`,
  );
  process.exit(1);
}
const results = await carryOut(wanted);

console.log("\n");
for (const { name, outcome, time, why } of results) {
  console.log(`${outcome.padEnd(8)} ${time.padStart(9)}  ${name}${why ? `: ${why}` : ""}`);
}
const count = (outcome) => results.filter((result) => result.outcome === outcome).length;
console.log(
  `\nsteps: ${count("passed")} passed, ${count("failed")} failed, ${count("not run")} skipped`,
);
const counts = results.flatMap(({ tests }) => tests ?? []);
const passed = counts.reduce((total, { passed }) => total + passed, 0);
console.log(`tests: ${passed} passed; not run: ${counts.flatMap(({ notRun }) => notRun).length}`);
process.exit(count("failed") > 0 ? 1 : 0);
