// Names of runtimes, relative paths and file extensions, in the forms that callers write.

import assert from "node:assert/strict";
import { RuntimeRegistry } from "../index.js";
import { outputOf, sharedEngine, test, withEngine } from "./helpers/harness.mjs";

const engine = sharedEngine();

const ALIASES = { python3: "python", javascript: "node", typescript: "bun", sh: "bash" };
const PROGRAMS = {
  python3: "print(6 * 7)",
  javascript: "console.log(6 * 7)",
  typescript: "const x: number = 6; console.log(x * 7)",
  sh: "echo 42",
};

for (const [alias, runtime] of Object.entries(ALIASES)) {
  test(`${alias} is ${runtime}, and the result says so`, async () => {
    const result = await engine.execute({ runtime: alias, code: PROGRAMS[alias] });
    assert.deepEqual([result.stdout, result.runtime], ["42", runtime]);
    assert.equal(RuntimeRegistry.get(alias), RuntimeRegistry.get(runtime));
  });
}

test("aliases are in no list, and detection is by extension as before", () => {
  assert.deepEqual(
    RuntimeRegistry.list().map(({ name }) => name),
    ["python", "node", "bun", "bash", "deno", "agent"],
  );
  assert.equal(RuntimeRegistry.detect("a.ts").name, "bun");
  assert.throws(() => RuntimeRegistry.get("toString"), { code: "ISOL8_UNKNOWN_RUNTIME" });
});

test("a session is the same under both names of its runtime", async () => {
  await withEngine({ mode: "persistent" }, async (session) => {
    await session.start({ prewarm: { runtimes: ["sh"] } });
    await session.execute({ runtime: "bash", code: "x=1" });
    assert.equal(await outputOf(session, { runtime: "sh", code: "echo $x" }), "1");
  });
});

test("relative paths are taken from /sandbox, and results have the caller's own", async () => {
  const { files, stdout } = await engine.execute({
    runtime: "bash",
    code: "cat /sandbox/in/a.txt; echo out > /sandbox/out.txt",
    files: { "in/a.txt": "in" },
    outputPaths: ["out.txt", "/sandbox/in/a.txt", "none"],
  });
  assert.equal(stdout, "in");
  const texts = Object.entries(files).map(([path, data]) => [
    path,
    Buffer.from(data, "base64").toString(),
  ]);
  assert.deepEqual(Object.fromEntries(texts), { "out.txt": "out\n", "/sandbox/in/a.txt": "in" });
});

test("a relative folder in outputPaths is one of /sandbox", async () => {
  const { files } = await engine.execute({
    runtime: "bash",
    code: "mkdir -p /sandbox/out/a; echo 1 > /sandbox/out/a/b",
    outputPaths: ["out"],
  });
  assert.deepEqual(files, { "out/a/b": Buffer.from("1\n").toString("base64") });
});

test("relative paths of putFile and getFile are taken from /sandbox", async () => {
  await withEngine({ mode: "persistent" }, async (session) => {
    await session.execute({ runtime: "bash", cmd: "true" });
    await session.putFile("dir/a.txt", "text");
    assert.equal(
      await outputOf(session, { runtime: "bash", cmd: "cat /sandbox/dir/a.txt" }),
      "text",
    );
    assert.equal((await session.getFile("dir/a.txt")).toString(), "text");
  });
});

test("a file extension needs no dot", async () => {
  const code = "import os; print(os.path.basename(__file__))";
  for (const fileExtension of [".pyw", "pyw"]) {
    assert.equal(await outputOf(engine, { runtime: "python", code, fileExtension }), "main.pyw");
  }
});

test("the extension of an adapter needs no dot", async () => {
  RuntimeRegistry.register({
    name: "undotted",
    image: "isol8:bash",
    getCommand: (_code, filePath) => ["bash", "-c", `echo ${filePath}; cat ${filePath}`],
    getFileExtension: () => "txt",
  });
  const ran = await outputOf(engine, { runtime: "undotted", code: "hello" });
  assert.equal(ran, "/sandbox/main.txt\nhello");
});

for (const mode of ["ephemeral", "persistent"]) {
  test(`${mode}: with fileExtension ".ts" Node strips the types, of modules and of scripts`, async () => {
    await withEngine({ mode }, async (typed) => {
      for (const fileExtension of [".ts", "ts"]) {
        const script = "const x: number = 3; console.log(x, typeof require);";
        const module = "import fs from 'node:fs'; const x: number = 4; console.log(x, typeof fs);";
        assert.equal(
          await outputOf(typed, { runtime: "node", code: script, fileExtension }),
          "3 function",
        );
        assert.equal(
          await outputOf(typed, { runtime: "node", code: module, fileExtension }),
          "4 object",
        );
      }
    });
  });
}
