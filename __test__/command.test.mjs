// The isol8 command as users get it: installed from packed tarballs, by npm and by Bun, and started in every way.

import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { constants, tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { after, before } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { pack } from "../scripts/pack.mjs";
import { test } from "./helpers/harness.mjs";
import { childOf, ended, gone, kill, linesOf, together } from "./helpers/processes.mjs";

const execute = promisify(execFile);
const { name: PACKAGE, version: VERSION } = createRequire(import.meta.url)("../package.json");
const root = fileURLToPath(new URL("..", import.meta.url));
const NODE = process.versions.bun ? "node" : process.execPath;
const BUN = join(root, "node_modules/.bin/bun");
/** The oldest Node.js that starts the command. `scripts/ensure-node18.sh` installs it. */
const NODE18 = join(
  root,
  `.cache/node18/node_modules/node-${process.platform}-${process.arch}/bin/node`,
);

let folder;
let packed;
let platform;

/** Runs a command and returns what it printed. */
async function run(command, args, { cwd = folder, env = {} } = {}) {
  const { stdout } = await execute(command, args, {
    cwd,
    env: { ...process.env, NO_COLOR: "1", ...env },
  });
  return stdout;
}

/** Makes a project whose dependencies are the packed tarballs, without a look at a registry. */
async function project(name, dependencies = {}) {
  const path = join(folder, name);
  await mkdir(path);
  const overrides = {
    [PACKAGE]: `file:${packed.core}`,
    [`${PACKAGE}-${platform}`]: `file:${packed.platforms[platform]}`,
  };
  // npm refuses an override of a package that its command line names.
  const named = Object.keys(dependencies).length > 0;
  const manifest = { name, private: true, dependencies, ...(named && { overrides }) };
  await writeFile(join(path, "package.json"), JSON.stringify(manifest));
  return path;
}

/** Starts the launcher of the installed package with a Node.js, so that it stays beside the program. */
function besideIn(node, cwd, ...words) {
  const launcher = join(cwd, "node_modules", PACKAGE, "bin/launch.cjs");
  return spawn(node, [launcher, ...words], { cwd, stdio: ["pipe", "pipe", "pipe"] });
}

/** The same with this Node.js. */
const beside = (cwd, ...words) => besideIn(NODE, cwd, ...words);

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "isol8-command-"));
  packed = await pack(join(folder, "tarballs"));
  [platform] = Object.keys(packed.platforms);
  assert.ok(platform, "the addon and the program are built: npm run build");
});

after(() => rm(folder, { recursive: true, force: true }));

const expected = `isol8 ${VERSION}\n`;

test("npm installs the command for a project, and npx finds it", async () => {
  const cwd = await project("with-npm");
  const tarballs = [packed.core, packed.platforms[platform]];
  await run("npm", ["install", "--offline", "--no-audit", "--no-fund", ...tarballs], { cwd });
  assert.equal(await run("node_modules/.bin/isol8", ["--version"], { cwd }), expected);
  assert.equal(await run("npx", ["--offline", "isol8", "--version"], { cwd }), expected);
  const program = join(cwd, "node_modules", `${PACKAGE}-${platform}`, "isol8");
  assert.equal(await run(program, ["--version"]), expected);
  for (const runtime of [NODE, BUN]) {
    const launcher = join("node_modules", PACKAGE, "bin/isol8.cjs");
    assert.equal(await run(runtime, [launcher, "--version"], { cwd }), expected);
  }
});

for (const name of ["isol8", "@isol8/cli"]) {
  test(`npm install -g ${name} gives the command`, async () => {
    const prefix = await project(`global-${name.replaceAll("/", "-")}`);
    const tarballs = [packed.commands[name], packed.core, packed.platforms[platform]];
    const words = ["install", "-g", "--prefix", prefix, "--offline", "--no-audit", "--no-fund"];
    await run("npm", [...words, ...tarballs]);
    assert.equal(await run(join(prefix, "bin/isol8"), ["--version"]), expected);
  });
}

test("Bun installs the command, and it needs no Node.js", async () => {
  const cwd = await project("with-bun", {
    isol8: `file:${packed.commands.isol8}`,
    [PACKAGE]: `file:${packed.core}`,
    [`${PACKAGE}-${platform}`]: `file:${packed.platforms[platform]}`,
  });
  // Only what a shell needs, and Bun.
  const tools = join(cwd, "tools");
  await mkdir(tools);
  await run("sh", [
    "-c",
    `for tool in sh readlink; do ln -s "$(command -v $tool)" "${tools}/"; done; ln -s "${BUN}" "${tools}/bun"`,
  ]);
  const env = { PATH: tools, BUN_INSTALL_CACHE_DIR: join(cwd, "cache") };
  await run(BUN, ["install"], { cwd, env });
  assert.equal(await run("node_modules/.bin/isol8", ["--version"], { cwd, env }), expected);
  assert.equal(await run(BUN, ["x", "--no-install", "isol8", "--version"], { cwd, env }), expected);
});

test("the examples of the readme run with bunx", async () => {
  const cwd = join(folder, "with-bun");
  const env = { PATH: join(cwd, "tools"), BUN_INSTALL_CACHE_DIR: join(cwd, "cache") };
  await writeFile(join(cwd, "script.py"), "print('script')");
  for (const [words, input, stdout] of [
    [["run", "-e", "print('hello isol8')", "--runtime", "python"], "", "hello isol8\n"],
    [["run", "script.py"], "", "script\n"],
    [["run", "--runtime", "node"], "console.log(42)\n", "42\n"],
  ]) {
    const bunx = ["x", "--no-install", "isol8", ...words];
    const told = await ended(BUN, bunx, { cwd, env, input });
    assert.deepEqual(told, { code: 0, stdout, stderr: "" });
  }
  // The image is there.
  const bunx = ["x", "--no-install", "isol8", "setup", "--only", "python"];
  const setup = await ended(BUN, bunx, { cwd, env });
  assert.equal(setup.code, 0, setup.stderr);
  assert.match(setup.stdout, /^\[DONE\] Setup complete!\n/);
  assert.match(setup.stderr, /^\[OK\] Docker is running\n/);
});

test("Node.js 18 starts the command, passes signals on and ends with its code", async () => {
  const cwd = join(folder, "with-npm");
  assert.match(await run(NODE18, ["--version"]), /^v18\./);
  const launcher = join("node_modules", PACKAGE, "bin/isol8.cjs");
  assert.equal(await run(NODE18, [launcher, "--version"], { cwd }), expected);
  const code = "import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)";
  const told = await ended(NODE18, [launcher, "run", "-e", code], { cwd });
  assert.deepEqual(told, { code: 3, stdout: "out\n", stderr: "err\n" });
  const waiting = besideIn(NODE18, cwd, "run");
  try {
    await childOf(waiting.pid);
    waiting.kill("SIGINT");
    assert.deepEqual(await once(waiting, "exit"), [130, null]);
  } finally {
    waiting.kill("SIGKILL");
  }
});

test("code runs, with the exit code and both streams of the program", async () => {
  const cwd = join(folder, "with-npm");
  const code = "import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)";
  for (const command of [
    "node_modules/.bin/isol8",
    join("node_modules", PACKAGE, "bin/launch.cjs"),
  ]) {
    const words = command.endsWith(".cjs") ? [NODE, [command]] : [command, []];
    const running = run(words[0], [...words[1], "run", "-e", code], { cwd });
    const error = await running.then(
      () => assert.fail("it ended with 0"),
      (reason) => reason,
    );
    assert.deepEqual([error.code, error.stdout, error.stderr], [3, "out\n", "err\n"]);
  }
});

for (const [signal, code] of [
  ["SIGINT", 130],
  ["SIGTERM", 143],
  ["SIGHUP", 129],
]) {
  test(`the launcher passes ${signal} on and ends with the program's code`, async () => {
    const launcher = beside(join(folder, "with-npm"), "run");
    await childOf(launcher.pid);
    launcher.kill(signal);
    assert.deepEqual(await once(launcher, "exit"), [code, null]);
  });
}

test("the launcher ends by the signal that ended the program", async () => {
  const launcher = beside(join(folder, "with-npm"), "run");
  process.kill(await childOf(launcher.pid), "SIGKILL");
  assert.deepEqual(await once(launcher, "exit"), [null, "SIGKILL"]);
  assert.equal(constants.signals.SIGKILL, 9);
});

test("the program ends when its launcher is killed", async () => {
  const launcher = beside(join(folder, "with-npm"), "run");
  const child = await childOf(launcher.pid);
  launcher.kill("SIGKILL");
  await gone(child);
});

/** A program that answers SIGWINCH, in a package of its own, for the launcher to start. Returns the launcher. */
async function answering(name) {
  const cwd = await project(name);
  await mkdir(join(cwd, "bin"));
  await copyFile(join(root, "bin/launch.cjs"), join(cwd, "bin/launch.cjs"));
  const program = join(cwd, `isol8.${platform}.bin`);
  const lines = [
    "#!/bin/sh",
    "trap 'echo resized' WINCH",
    "echo $$",
    "while :; do sleep 0.05; done",
  ];
  await writeFile(program, lines.join("\n"));
  await chmod(program, 0o755);
  return join(cwd, "bin/launch.cjs");
}

test("in a shell's job, the launcher passes SIGWINCH on, and stops and goes on with the program", async () => {
  const launcher = await answering("job");
  // A shell with job control gives the job a process group that is not orphaned, with a terminal and without.
  const script = 'set -m; "$@" & echo $!; read -r _';
  const shell = spawn("bash", ["-c", script, "bash", NODE, launcher], {
    stdio: ["pipe", "pipe", "inherit"],
    detached: true,
  });
  const pids = [];
  try {
    const lines = linesOf(shell.stdout);
    for (const _ of ["launcher", "program"]) pids.push(Number((await lines.next()).value));
    process.kill(pids[0], "SIGWINCH");
    assert.equal((await lines.next()).value, "resized");
    for (const _ of ["once", "again"]) {
      process.kill(pids[0], "SIGTSTP");
      await together(pids, true);
      process.kill(pids[0], "SIGCONT");
      await together(pids, false);
    }
    process.kill(pids[0], "SIGWINCH");
    assert.equal((await lines.next()).value, "resized");
  } finally {
    kill([...pids, shell.pid]);
  }
});

test("where no shell could make the program go on, the launcher does not stop alone", async () => {
  const file = await answering("orphaned");
  // A session of its own: its process group is orphaned, and the system ignores the stop.
  const launcher = spawn(NODE, [file], { stdio: ["ignore", "pipe", "inherit"], detached: true });
  const pids = [launcher.pid];
  try {
    const lines = linesOf(launcher.stdout);
    pids.push(Number((await lines.next()).value));
    process.kill(launcher.pid, "SIGTSTP");
    // The launcher handles signals in their order: it has handled the stop when this one is answered.
    process.kill(launcher.pid, "SIGWINCH");
    assert.equal((await lines.next()).value, "resized");
    await together(pids, false);
    process.kill(launcher.pid, "SIGTERM");
    assert.deepEqual(await once(launcher, "exit"), [null, "SIGTERM"]);
  } finally {
    kill(pids);
  }
});

test("a program that another isol8 program starts does not watch the launcher of that one", async () => {
  const cwd = await project("nested");
  await mkdir(join(cwd, "bin"));
  await copyFile(join(root, "bin/isol8.cjs"), join(cwd, "bin/isol8.cjs"));
  const program = join(cwd, `isol8.${platform}.bin`);
  await writeFile(program, '#!/bin/sh\necho "launcher: ${ISOL8_LAUNCHER-none}, words: $*"\n');
  await chmod(program, 0o755);
  const env = { ISOL8_LAUNCHER: "1" };
  const printed = await run("sh", [join(cwd, "bin/isol8.cjs"), "a b"], { env });
  assert.equal(printed, "launcher: none, words: a b\n");
});

test("a program that is not installed is an error that names the package", async () => {
  const cwd = await project("without");
  await mkdir(join(cwd, "bin"));
  for (const name of ["isol8.cjs", "launch.cjs"]) {
    await writeFile(join(cwd, "bin", name), await readFile(join(root, "bin", name)));
  }
  const env = { PATH: [join(NODE, ".."), process.env.PATH].join(delimiter) };
  const error = await run("sh", [join(cwd, "bin/isol8.cjs")], { env }).catch((reason) => reason);
  assert.equal(error.code, 1);
  assert.match(error.stderr, /its package @isol8\/core-.+ is not installed/);
});
