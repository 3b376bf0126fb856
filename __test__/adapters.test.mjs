// Runtimes that a caller registers: JavaScript gives the command, and the engine runs it.

import assert from "node:assert/strict";
import { PythonAdapter, RuntimeRegistry } from "../index.js";
import { eventsOf, sharedEngine, test, textOf } from "./helpers/harness.mjs";

const engine = sharedEngine();

/** Registers an adapter while `use` runs. Then registers the earlier adapter of that name again. */
async function withAdapter(adapter, aliases, use) {
  RuntimeRegistry.register(adapter, aliases);
  try {
    return await use();
  } finally {
    if (adapter.name === "python") RuntimeRegistry.register(PythonAdapter);
  }
}

const upper = {
  name: "upper",
  image: "isol8:python",
  getCommand: (_code, filePath) => ["cat", filePath],
  getFileExtension: () => ".up",
};

test("a registered runtime runs, and finds its program in the file", async () => {
  const seen = [];
  const adapter = {
    ...upper,
    getCommand(code, filePath) {
      seen.push([code, filePath]);
      return ["sh", "-c", 'tr a-z A-Z < "$0"', filePath];
    },
  };
  await withAdapter(adapter, [".upp"], async () => {
    const request = { runtime: "upper", code: "hello é" };
    assert.equal((await engine.execute(request)).stdout, "HELLO é");
    assert.equal(textOf(await eventsOf(engine, request), "stdout"), "HELLO é");
    assert.deepEqual(seen, Array(2).fill(["hello é", "/sandbox/main.up"]));
    const other = await engine.execute({ ...request, fileExtension: ".xyz" });
    assert.equal(other.runtime, "upper");
    assert.deepEqual(seen[2], ["hello é", "/sandbox/main.xyz"]);
    assert.equal(RuntimeRegistry.detect("a.UPP"), adapter);
  });
});

test("cmd works in a registered runtime", async () => {
  await withAdapter(upper, [], async () => {
    const result = await engine.execute({ runtime: "upper", cmd: "echo a | tr a b" });
    assert.equal(result.stdout, "b", result.stderr);
  });
});

test("getCommandWithOptions is preferred and receives the flags", async () => {
  const adapter = {
    ...upper,
    name: "flags",
    getCommandWithOptions: (_code, options) => ["echo", JSON.stringify(options)],
  };
  await withAdapter(adapter, [], async () => {
    const request = { runtime: "flags", code: "x", agentFlags: "--a b" };
    assert.deepEqual(JSON.parse((await engine.execute(request)).stdout), {
      filePath: "/sandbox/main.up",
      agentFlags: "--a b",
    });
  });
});

test("a built-in runtime can be replaced", async () => {
  const adapter = {
    ...upper,
    name: "python",
    getCommand: (_code, filePath) => ["python3", "-X", "utf8", filePath, "extra"],
    getFileExtension: () => ".py",
  };
  const request = { runtime: "python", code: "import sys; print(sys.argv[1:])" };
  await withAdapter(adapter, [], async () => {
    assert.equal((await engine.execute(request)).stdout, "['extra']");
  });
  assert.equal((await engine.execute(request)).stdout, "[]");
});

test("an error that an adapter throws reaches the caller", async () => {
  const adapter = {
    ...upper,
    name: "fails",
    getCommand() {
      throw new Error("no command today");
    },
  };
  await withAdapter(adapter, [], async () => {
    const request = { runtime: "fails", code: "x" };
    await assert.rejects(engine.execute(request), { message: "no command today" });
    await assert.rejects(eventsOf(engine, request), { message: "no command today" });
  });
});

test("an unknown runtime is an error that names the known ones", async () => {
  await assert.rejects(engine.execute({ runtime: "cobol", code: "x" }), {
    message: /^Unknown runtime: "cobol"\. Available: python, node, bun, bash, deno, agent/,
  });
});

test("any local image works, without bash, libc or users", async () => {
  const { DockerIsol8 } = await import("../index.js");
  const foreign = new DockerIsol8({ image: "isol8-test/busybox:latest" });
  try {
    const result = await foreign.execute({
      runtime: "bash",
      cmd: "echo hello; id -u; touch /sandbox/x && ls /sandbox",
    });
    assert.deepEqual([result.stdout, result.exitCode], ["hello\n100\nx", 0], result.stderr);
  } finally {
    await foreign.stop();
  }
});
