// What users have read: the library's examples in the README of the package before this one, as they
// stand there (but for the removal of all containers and images, which others need), and those in
// ours.

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

/** What the program prints, which must end well and say nothing else. */
async function printed(program) {
  const { code, stdout, stderr } = await hostProcess(program).ended;
  assert.deepEqual([code, stderr], [0, ""]);
  return stdout;
}

test("the examples of this README print what their comments say", async () => {
  const [first, using, _image, ...more] = EXAMPLES;
  assert.deepEqual(more, [], "an example that is not run here");
  // The parts are one program: the second goes on with the engine of the first.
  const stop = "await isol8.stop();\n";
  const imports = 'import { DockerIsol8 } from "@isol8/core";\n';
  assert.ok(first.startsWith(imports) && first.endsWith(stop));
  const program = `${first.slice(imports.length, -stop.length)}${using}${stop}await filtered.stop();`;
  assert.equal(await printed(program), "Hello from isol8! 0\n1\n2\n3\n6\n42\n");
});

test("the example of this README with an image prints what its comment says", {
  timeout: 600_000,
}, async () => {
  const tag = `isol8-test:readme-${process.pid}`;
  const program = EXAMPLES[2].replaceAll("my-pandas", tag).replace("DockerIsol8 }", "}");
  try {
    assert.equal(await printed(program), "3\n");
  } finally {
    await docker("rmi", "--force", tag);
  }
});
