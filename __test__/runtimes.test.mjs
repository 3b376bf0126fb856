// Programs in every runtime: their output, exit codes and program files.

import assert from "node:assert/strict";
import { LANGUAGES, outputOf, sharedEngine, test } from "./helpers/harness.mjs";

const engine = sharedEngine();

/** Prints `out` to stdout and `err` to stderr and exits with 3. */
const PROGRAMS = {
  python: 'import sys\nprint("out")\nprint("err", file=sys.stderr)\nsys.exit(3)',
  node: 'console.log("out"); console.error("err"); process.exit(3)',
  bun: 'const code: number = 3; console.log("out"); console.error("err"); process.exit(code)',
  deno: 'const code: number = 3; console.log("out"); console.error("err"); Deno.exit(code)',
  bash: "echo out; echo err >&2; exit 3",
};

for (const runtime of LANGUAGES) {
  test(`${runtime}: output, errors and exit code come back`, async () => {
    const before = Date.now();
    const result = await engine.execute({ runtime, code: PROGRAMS[runtime] });
    assert.equal(result.stdout, "out");
    assert.equal(result.stderr, "err");
    assert.equal(result.exitCode, 3);
    assert.equal(result.runtime, runtime);
    assert.equal(result.truncated, false);
    assert.match(result.executionId, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-/);
    assert.match(result.containerId, /^[0-9a-f]{64}$/);
    assert.equal(new Date(result.timestamp).toISOString(), result.timestamp);
    assert.ok(Date.parse(result.timestamp) >= before - 1);
    assert.ok(result.durationMs > 0 && result.durationMs < Date.now() - before + 1);
    assert.ok(result.resourceUsage.cpuPercent > 0);
    assert.ok(result.resourceUsage.peakMemoryMB >= result.resourceUsage.memoryMB);
    assert.equal(result.files, undefined);
    assert.equal(result.networkLogs, undefined);
  });

  test(`${runtime}: cmd is a command for bash`, async () => {
    const cmd =
      'printf "%s|" "a  b" $((6*7)) "$0"; [[ x == x ]] && echo "$BASH_VERSION" >&2; exit 7';
    const result = await engine.execute({ runtime, cmd });
    assert.equal(result.stdout, "a  b|42|bash|");
    assert.match(result.stderr, /^5\./);
    assert.equal(result.exitCode, 7);
  });
}

test("the exit code of a program that a signal ended is 128 plus the signal number", async () => {
  const { exitCode } = await engine.execute({ runtime: "bash", code: "kill -SEGV $$" });
  assert.equal(exitCode, 139);
});

test("a failing program gives a result with its traceback", async () => {
  const result = await engine.execute({ runtime: "python", code: "\n1 / 0" });
  assert.equal(result.exitCode, 1);
  assert.match(result.stderr, /File "\/sandbox\/main\.py", line 2[\s\S]*ZeroDivisionError/);
});

test("trailing white space is trimmed, and leading white space is kept", async () => {
  const result = await engine.execute({ runtime: "bash", code: "printf '  a \\n\\n\\t '" });
  assert.equal(result.stdout, "  a");
});

test("node runs programs with import and programs with require", async () => {
  const imports =
    'import { basename } from "node:path"; console.log(basename("/x/y"), typeof require);';
  assert.equal(await outputOf(engine, { runtime: "node", code: imports }), "y undefined");
  const requires = 'const { basename } = require("node:path"); console.log(basename(__filename))';
  assert.equal(await outputOf(engine, { runtime: "node", code: requires }), "main.js");
  const awaits = "console.log(await Promise.resolve(1))";
  assert.equal(await outputOf(engine, { runtime: "node", code: awaits }), "1");
});

test("fileExtension chooses how node reads the program", async () => {
  const code = "console.log(typeof require, process.argv[1])";
  const run = (fileExtension) => outputOf(engine, { runtime: "node", code, fileExtension });
  assert.equal(await run(".cjs"), "function /sandbox/main.cjs");
  assert.equal(await run(".mjs"), "undefined /sandbox/main.mjs");
});

for (const [runtime, code, expected] of [
  ["python", "import sys; print(sys.argv, __file__)", "['/sandbox/main.py'] /sandbox/main.py"],
  ["bun", "console.log(import.meta.path)", "/sandbox/main.ts"],
  ["deno", "console.log(import.meta.url)", "file:///sandbox/main.mts"],
  ["bash", 'echo "$0"', "/sandbox/main.sh"],
]) {
  test(`${runtime}: the program is the file ${expected.split(" ").pop()}`, async () => {
    assert.equal(await outputOf(engine, { runtime, code }), expected);
  });
}

test("fileExtension names the program's file in every runtime", async () => {
  const code = "import sys; print(sys.argv[0])";
  const run = { runtime: "python", code, fileExtension: ".pyw" };
  assert.equal(await outputOf(engine, run), "/sandbox/main.pyw");
});

for (const [runtime, comment, print] of [
  ["python", "#", "print('end')"],
  ["node", "//", "console.log('end')"],
  ["bash", "#", "echo end"],
]) {
  test(`${runtime}: a program of more than 128 KiB runs`, async () => {
    const filler = `${comment} ${"x".repeat(98)}\n`.repeat(3000);
    assert.equal(await outputOf(engine, { runtime, code: filler + print }), "end");
  });
}

test("a program of several MiB runs", async () => {
  const code = `text = "${"x".repeat(5 << 20)}"\nprint(len(text))`;
  assert.equal(await outputOf(engine, { runtime: "python", code }), String(5 << 20));
});

test("a cmd of more than 128 KiB runs", async () => {
  const cmd = `: ${"x".repeat(200_000)}\necho end`;
  assert.equal(await outputOf(engine, { runtime: "bash", cmd }), "end");
});

test("programs of different runtimes run side by side", async () => {
  const print = {
    python: "print('python')",
    node: "console.log('node')",
    bun: "console.log('bun')",
    deno: "console.log('deno')",
    bash: "echo bash",
  };
  const wanted = [...LANGUAGES, ...LANGUAGES];
  const outputs = wanted.map((runtime) => outputOf(engine, { runtime, code: print[runtime] }));
  assert.deepEqual(await Promise.all(outputs), wanted);
});
