// Preload: modules that an interpreter imports while it waits for its program.

import assert from "node:assert/strict";
import { DockerIsol8 } from "../index.js";
import { hostProcess } from "./helpers/child.mjs";
import { outputOf, sleep, test, withEngine } from "./helpers/harness.mjs";

const LOADED = "import sys; print('decimal' in sys.modules)";

/** Runs until the output is the expected one. On a busy machine a program may come before its interpreter is parked. */
async function eventually(engine, request, expected) {
  let output;
  for (let attempt = 1; attempt <= 8; attempt += 1) {
    output = await outputOf(engine, request);
    if (output === expected) break;
    await sleep(200 * attempt);
  }
  assert.equal(output, expected);
}

test("start({prewarm}) imports modules before the program arrives", async () => {
  await withEngine({}, async (engine) => {
    await engine.start({ prewarm: { runtimes: ["python"], preload: { python: ["decimal"] } } });
    await eventually(engine, { runtime: "python", code: LOADED }, "True");
    // The next interpreter has them, too, and nothing of the last program is left in them.
    const mark = "import decimal; print(hasattr(decimal, 'mark')); decimal.mark = 1";
    for (let i = 0; i < 4; i += 1) {
      assert.equal(await outputOf(engine, { runtime: "python", code: mark }), "False");
    }
  });
});

test("the option `preload` does the same without `start`", async () => {
  await withEngine({ preload: { python: ["decimal"] } }, async (engine) => {
    await eventually(engine, { runtime: "python", code: LOADED }, "True");
  });
});

test("a module that cannot be imported is reported once, and everything else works", async () => {
  const program = `const engine = new DockerIsol8({ preload: { python: ["no_such_module", "decimal"] }, poolSize: 2 });
await engine.start({ prewarm: { runtimes: ["python"] } });
for (let i = 0; i < 3; i += 1) console.log((await engine.execute({ runtime: "python", code: "print(1)" })).stdout);
await engine.stop();`;
  const { code, stdout, stderr } = await hostProcess(program).ended;
  assert.deepEqual([code, stdout], [0, "1\n1\n1\n"], stderr);
  assert.match(
    stderr,
    /^\[WARN\] not preloaded: no_such_module: ModuleNotFoundError: No module named 'no_such_module'\n$/,
  );
});

test("an invalid preload is refused with its name and value", async () => {
  for (const [preload, message] of [
    [{ python: ["os; x"] }, /^Invalid preload\.python: "os; x"\. It must be the name of a module/],
    [{ node: ["./x.js"] }, /^Invalid preload\.node: "\.\/x\.js"\. It must be what a program/],
    [{ ruby: ["x"] }, /^Invalid preload: "ruby"\. Expected one of: python, node, bun, deno\.$/],
  ]) {
    const code = "ISOL8_INVALID_OPTION";
    assert.throws(() => new DockerIsol8({ preload }), { code, message }, JSON.stringify(preload));
  }
  await withEngine({}, async (engine) => {
    for (const [prewarm, message] of [
      [{ preload: { python: ["a b"] } }, /Invalid preload\.python: "a b"/],
      [{ preload: ["pandas"] }, /prewarm: preload: invalid type: a list, expected an object/],
      ["python", /prewarm: it must be true, false, or an object such as .*, not "python"$/],
    ]) {
      await assert.rejects(engine.start({ prewarm }), { code: "ISOL8_INVALID_OPTION", message });
    }
  });
  for (const poolSize of ["2", true, { clean: "1" }]) {
    assert.throws(() => new DockerIsol8({ poolSize }), {
      code: "ISOL8_INVALID_OPTION",
      message: /poolSize: it must be a whole number or an object such as .*, not /,
    });
  }
});
