// Every runtime runs programs as people write them.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { DockerIsol8 } from "@isol8/core";
import { once } from "./helpers/engine.js";

const engine = new DockerIsol8();
after(() => engine.stop());

const js = 'console.log("out"); console.error("err"); process.exitCode = 7;';
const programs = {
  python: 'import sys\nprint("out")\nprint("err", file=sys.stderr)\nsys.exit(7)',
  node: js,
  bun: js,
  deno: 'console.log("out"); console.error("err"); Deno.exit(7);',
  bash: "echo out; echo err >&2; exit 7",
};

for (const [runtime, code] of Object.entries(programs)) {
  test(`${runtime}: output, errors and exit code`, async () => {
    const result = await engine.execute({ runtime, code });
    assert.deepEqual([result.stdout, result.stderr, result.exitCode], ["out", "err", 7]);
    assert.equal(result.runtime, runtime);
    assert.equal(result.truncated, false);
    assert.ok(result.durationMs >= 0 && result.durationMs < 30_000);
    assert.match(result.executionId, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    assert.equal(new Date(result.timestamp).toISOString(), result.timestamp);
    assert.match(result.containerId, /^[0-9a-f]{64}$/);
    assert.equal(result.files, undefined);
    assert.ok(result.resourceUsage.memoryMB > 0);
  });
}

test("cmd is a shell line in the image of any runtime", async () => {
  const command = async (runtime, cmd) => (await engine.execute({ runtime, cmd })).stdout;
  assert.equal(await command("python", "python3 -c 'print(6*7)' | tr 4 5"), "52");
  assert.equal(await command("node", 'set -- a b; echo "$#" "$0"'), "2 bash");
  assert.equal(await command("bash", "[[ abc == a* ]] && echo match"), "match");
});

test("a program that is killed ends with 128 plus the signal", async () => {
  const result = await engine.execute({ runtime: "bash", code: "kill -9 $$" });
  assert.equal(result.exitCode, 137);
  assert.doesNotMatch(result.stderr, /TIMED OUT/);
});

test("the program is a file, with the file's view of itself", async () => {
  const python = await engine.execute({
    runtime: "python",
    code: "import sys; print(__name__, __file__, sys.argv, sys.path[0])",
  });
  assert.equal(python.stdout, "__main__ /sandbox/main.py ['/sandbox/main.py'] /sandbox");
  const node = await engine.execute({
    runtime: "node",
    code: "console.log(import.meta.url, process.argv.length)",
  });
  assert.equal(node.stdout.endsWith(" 2"), true);
  assert.equal(node.stdout.startsWith("file:///sandbox/main"), true);
});

test("Node runs import and require code without being told which", async () => {
  const esm = 'import os from "node:os"; console.log(typeof os.cpus, await 1);';
  assert.equal((await engine.execute({ runtime: "node", code: esm })).stdout, "function 1");
  const cjs = 'const os = require("os"); console.log(typeof os.cpus, typeof module.exports);';
  assert.equal((await engine.execute({ runtime: "node", code: cjs })).stdout, "function object");
});

test("fileExtension is honoured", async () => {
  const run = (fileExtension, code) => engine.execute({ runtime: "node", fileExtension, code });
  const cjs = await run(".cjs", "console.log(require.main === module, __filename)");
  assert.equal(cjs.stdout, "true /sandbox/main.cjs");
  const mjs = await run(".mjs", "console.log(typeof require, import.meta.url)");
  assert.equal(mjs.stdout, "undefined file:///sandbox/main.mjs");
});

test("Bun and Deno run TypeScript", async () => {
  const code = "const n: number = 1; console.log(n as unknown as string);";
  for (const runtime of ["bun", "deno"]) {
    assert.equal((await engine.execute({ runtime, code })).stdout, "1", runtime);
  }
});

test("code larger than an argument list can be", async () => {
  const filler = "#".repeat(1000);
  const code = `${`${filler}\n`.repeat(300)}print(len(open(__file__).read()))`;
  assert.ok(code.length > 256 * 1024);
  const result = await engine.execute({ runtime: "python", code });
  assert.equal(result.stdout, String(code.length));
});

test("quotes, line ends and odd characters reach the program as they are", async () => {
  const text = `'"\`$HOME\\n;|&<>\u0001\u{1F600}é`;
  const code = `import json,sys; sys.stdout.write(json.loads(${JSON.stringify(JSON.stringify(text))}))`;
  assert.equal((await engine.execute({ runtime: "python", code })).stdout, text);
});

test("the environment that every program sees", async () => {
  const { stdout } = await engine.execute({ runtime: "bash", code: "env; id -u; id -g; pwd" });
  const lines = stdout.split("\n");
  for (const line of [
    "PYTHONUNBUFFERED=1",
    "PYTHONUSERBASE=/sandbox/.local",
    "NPM_CONFIG_PREFIX=/sandbox/.npm-global",
    "DENO_DIR=/sandbox/.deno",
    "NODE_PATH=/usr/local/lib/node_modules:/sandbox/.npm-global/lib/node_modules:/sandbox/node_modules",
  ]) {
    assert.ok(lines.includes(line), `${line} in\n${stdout}`);
  }
  const path = lines.find((line) => line.startsWith("PATH="));
  assert.match(
    path,
    /^PATH=\/sandbox\/.local\/bin:\/sandbox\/.npm-global\/bin:\/sandbox\/.bun-global\/bin:.*\/usr\/bin/,
  );
  assert.deepEqual(lines.slice(-3), ["100", "101", "/sandbox"]);
});

test("any local image works, without bash, libc or users", async () => {
  const result = await once(
    { runtime: "bash", cmd: "echo hello; id -u; touch /sandbox/x && ls /sandbox" },
    { image: "isol8-test/busybox:latest" },
  );
  assert.deepEqual([result.stdout, result.exitCode], ["hello\n100\nx", 0], result.stderr);
});
