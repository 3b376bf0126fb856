// The examples of two READMEs: those of version 0.20, unchanged, and those of this package. The example that
// removes all containers and images is left out, because other processes use them.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DockerIsol8, loadConfig } from "@isol8/core";
import { hostProcess } from "./helpers/child.mjs";
import { docker } from "./helpers/docker.mjs";
import { withFolder } from "./helpers/folder.mjs";
import { sharedEngine, test } from "./helpers/harness.mjs";

test("known example: a first program", async () => {
  const isol8 = new DockerIsol8({ network: "none" });
  await isol8.start();
  const result = await isol8.execute({
    code: 'print("Hello from isol8!")',
    runtime: "python",
    timeoutMs: 10000,
  });
  assert.equal(result.stdout, "Hello from isol8!");
  assert.equal(result.exitCode, 0);
  assert.equal(typeof result.durationMs, "number");
  await isol8.stop();
});

for (const [name, pool] of Object.entries({
  fast: { poolStrategy: "fast", poolSize: { clean: 2, dirty: 2 } },
  secure: { poolStrategy: "secure", poolSize: 2 },
})) {
  test(`known example: the ${name} pool`, async () => {
    const engine = new DockerIsol8({ network: "none", ...pool });
    for (let round = 0; round < 3; round += 1) {
      const { stdout } = await engine.execute({ runtime: "bash", code: "ls -A; echo x >left" });
      assert.equal(stdout, "main.sh");
    }
    await engine.stop();
  });
}

test("known example: a persistent engine, and files in and out of it", async () => {
  const isol8 = new DockerIsol8({ mode: "persistent" });
  await isol8.start();
  await isol8.execute({ code: "x = 42", runtime: "python" });
  const kept = await isol8.execute({ code: "print(x)", runtime: "python" });
  assert.equal(kept.stdout, "42");

  await isol8.putFile("/sandbox/data.csv", "name,age\nAlice,30\nBob,25\n");
  const result = await isol8.execute({
    code: `
import csv
with open('/sandbox/data.csv') as f:
    for row in csv.reader(f):
        print(row)
open('/sandbox/output.txt', 'w').write('done')
`,
    runtime: "python",
  });
  assert.equal(result.stdout, "['name', 'age']\n['Alice', '30']\n['Bob', '25']");
  const output = await isol8.getFile("/sandbox/output.txt");
  assert.ok(Buffer.isBuffer(output));
  assert.equal(output.toString(), "done");
  await isol8.stop();
});

test("known example: streaming", async () => {
  const isol8 = new DockerIsol8({ network: "none" });
  await isol8.start();
  let stdout = "";
  const exits = [];
  for await (const event of isol8.executeStream({
    code: "for i in range(5): print(i)",
    runtime: "python",
  })) {
    if (event.type === "stdout") stdout += event.data;
    if (event.type === "exit") exits.push(event.data);
  }
  assert.deepEqual([stdout, exits], ["0\n1\n2\n3\n4\n", ["0"]]);
  await isol8.stop();
});

const packages = sharedEngine({ timeoutMs: 80_000, sandboxSize: "1g" });

test("known example: numpy, installed when it is needed", async () => {
  const result = await packages.execute({
    code: "import numpy; print(numpy.__version__)",
    runtime: "python",
    installPackages: ["numpy"],
  });
  assert.match(result.stdout, /^\d+\.\d+\.\d+$/, result.stderr);
});

test("known example: a filtered network", async () => {
  const isol8 = new DockerIsol8({
    network: "filtered",
    networkFilter: {
      whitelist: ["^api\\.openai\\.com$", "packages\\.example\\.org"],
      blacklist: [".*\\.ru$"],
    },
  });
  const { stdout, exitCode } = await isol8.execute({
    runtime: "bash",
    code: "echo $HTTPS_PROXY; curl -s https://example.ru/ || echo refused",
  });
  assert.deepEqual([stdout, exitCode], ["http://127.0.0.1:8118\nrefused", 0]);
  await isol8.stop();
});

test("known example: the configuration file, with its schema", async () => {
  const file = {
    $schema: "node_modules/@isol8/core/schema/isol8.config.schema.json",
    maxConcurrent: 10,
    defaults: { timeoutMs: 30000, memoryLimit: "512m", cpuLimit: 1.0, network: "none" },
    network: { whitelist: ["^api\\.openai\\.com$"], blacklist: [] },
    cleanup: { autoPrune: true, maxContainerAgeMs: 3600000 },
    dependencies: { python: ["numpy", "pandas"], node: ["lodash"] },
    security: { seccomp: "strict" },
  };
  await withFolder(async (folder) => {
    await writeFile(join(folder, "isol8.config.json"), JSON.stringify(file));
    const { warn } = console;
    console.warn = (...words) => assert.fail(words.join(" "));
    try {
      const config = loadConfig(folder);
      assert.deepEqual(config.network.whitelist, file.network.whitelist);
      assert.deepEqual(config.dependencies, file.dependencies);
      assert.equal(config.defaults.sandboxSize, "512m");
    } finally {
      console.warn = warn;
    }
  });
});

/** The programs in this README, in their order. */
const EXAMPLES = [
  ...readFileSync(new URL("../README.md", import.meta.url), "utf8").matchAll(
    /^```js\n(.*?)^```$/gms,
  ),
].map(([, program]) => program);

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
