// The examples of this README and of the other documents. Those of version 0.20 are in `known-examples.test.mjs`, those
// for a shell are tests of the command.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { hostProcess } from "./helpers/child.mjs";
import { docker } from "./helpers/docker.mjs";
import { test } from "./helpers/harness.mjs";

/** The programs in a document, in their order. */
function programsOf(path) {
  const text = readFileSync(new URL(`../${path}`, import.meta.url), "utf8");
  return [...text.matchAll(/^```js\n(.*?)^```$/gms)].map(([, program]) => program);
}

const EXAMPLES = programsOf("README.md");

/** An example that builds an image takes minutes: it has a test of its own. */
const buildsImage = (program) => program.includes("buildCustomImage");

/** The words that the comments of a program promise: those behind what it prints. */
function promised(program) {
  const comments = program.matchAll(/(?:console\.log|process\.stdout\.write)\(.*\); \/\/ (.*)$/gm);
  return [...comments].map(([, words]) => words).join(" ");
}

/** What a program prints, as words. The program must end well and print no error. */
async function printed(program) {
  const { code, stdout, stderr } = await hostProcess(program).ended;
  assert.deepEqual([code, stderr], [0, ""]);
  return stdout.trim().split(/\s+/).join(" ");
}

/** Without its own import of `DockerIsol8`, which `hostProcess` has already. */
const withoutImport = (program) => program.replace(/^import \{ DockerIsol8 \} from .*$/m, "");

for (const [index, program] of EXAMPLES.entries()) {
  if (buildsImage(program)) continue;
  test(`example ${index + 1} of this README prints what its comments promise`, async () => {
    const own = /const isol8 =/.test(program);
    const [before, after] = own
      ? ["", ""]
      : ["const isol8 = new DockerIsol8();\n", "await isol8.stop();\n"];
    const expected = promised(program);
    assert.notEqual(expected, "", "an example that prints nothing shows nothing");
    assert.equal(await printed(before + withoutImport(program) + after), expected);
  });
}

test("the example of this README with an image prints what its comment promises", {
  timeout: 600_000,
}, async () => {
  const [example, ...more] = EXAMPLES.filter(buildsImage);
  assert.deepEqual(more, [], "one example with an image is enough");
  const tag = `isol8-test:readme-${process.pid}`;
  const program = example.replaceAll("my-pandas", tag).replace(", DockerIsol8 }", " }");
  try {
    assert.equal(await printed(program), promised(example));
  } finally {
    await docker("rmi", "--force", tag);
  }
});

/** What goes before and after the one example of another document, and what the whole then prints on each stream. */
const OTHERS = {
  "docs/errors.md": [
    `const isol8 = new DockerIsol8({ docker: { socketPath: "/nonexistent" } });
const request = { runtime: "bash", code: "true" };`,
    "",
    ["", "Is Docker running?\n"],
  ],
  "docs/design/request-limits.md": [
    "",
    `await engine.execute({ runtime: "bash", code: "true", timeoutMs: 20_000 }).catch(({ code }) => console.log(code));
await engine.stop();`,
    ["ISOL8_REQUEST_LIMIT\n", ""],
  ],
  "skill/isol8/SKILL.md": ["", "console.log(stdout, exitCode);", ["42 0\n", ""]],
};

for (const [path, [before, after, streams]] of Object.entries(OTHERS)) {
  test(`the example of ${path} does what it shows`, async () => {
    const [example, ...more] = programsOf(path);
    assert.deepEqual(more, [], "another example needs a row of its own");
    const program = [before, withoutImport(example), after].join("\n");
    const { code, stdout, stderr } = await hostProcess(program).ended;
    assert.deepEqual([code, stdout, stderr], [0, ...streams]);
  });
}
