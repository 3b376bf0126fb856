// Many files in and out, and the time limit of both.

import assert from "node:assert/strict";
import { outputOf, sharedEngine, test } from "./helpers/harness.mjs";

const engines = {
  "a pool": sharedEngine(),
  "a secure pool": sharedEngine({ poolStrategy: "secure" }),
  "a session": sharedEngine({ mode: "persistent" }),
};

const COUNT = 12_000;
const numbered = (count) =>
  Object.fromEntries(
    Array.from({ length: count }, (_, n) => [`/sandbox/d${n % 100}/file-${n}`, `${n}`]),
  );

for (const [what, engine] of Object.entries(engines)) {
  test(`${what}: ${COUNT} small files are written and collected`, async () => {
    const files = numbered(COUNT);
    const missing = Array.from({ length: 6000 }, (_, n) => `/sandbox/none-${n}`);
    const result = await engine.execute({
      runtime: "bash",
      code: "cd /sandbox; cat d*/file-* | wc -c; find d* -type f | wc -l",
      files,
      outputPaths: [...missing, ...Object.keys(files)],
    });
    const bytes = Object.values(files).join("").length;
    assert.equal(result.stdout, `${bytes}\n${COUNT}`);
    const texts = Object.entries(result.files).map(([path, data]) => [path, atob(data)]);
    assert.deepEqual(Object.fromEntries(texts), files);
  });

  test(`${what}: writing and collecting end at the time limit, and the next call works`, async () => {
    const limited = { runtime: "bash", code: "true", timeoutMs: 1 };
    await assert.rejects(engine.execute({ ...limited, files: numbered(50_000) }), {
      code: "ISOL8_FILES_TIMEOUT",
      message: "Writing files timed out after 1ms. Raise timeoutMs, or use fewer or smaller files.",
    });
    const outputPaths = Object.keys(numbered(50_000));
    await assert.rejects(engine.execute({ ...limited, outputPaths }), {
      code: "ISOL8_FILES_TIMEOUT",
      message:
        "Collecting output files timed out after 1ms. Raise timeoutMs, or use fewer or smaller files.",
    });
    assert.equal(await outputOf(engine, { runtime: "bash", code: "printf next" }), "next");
  });
}

test("a file that cannot be written among many is named", async () => {
  const files = { ...numbered(100), "/etc/x": "y" };
  for (const engine of Object.values(engines)) {
    await assert.rejects(engine.execute({ runtime: "bash", code: "true", files }), {
      code: "ISOL8_FILE_DENIED",
      message: /^Failed to write file \/etc\/x in container \(exit code 1\): /,
    });
  }
});
