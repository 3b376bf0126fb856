// The library examples in the README of version 0.20, unchanged. Each is a program, or a part of one that follows another.
// The command's examples are tests of the command.

import assert from "node:assert/strict";
import { mkdir, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { loadConfig } from "@isol8/core";
import { scriptProcess } from "./helpers/child.mjs";
import { withFolder } from "./helpers/folder.mjs";
import { test } from "./helpers/harness.mjs";
import { noOwnDocker, withOwnDocker } from "./helpers/own-docker.mjs";
import { serve } from "./helpers/served.mjs";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

const FIRST = `import { DockerIsol8, loadConfig } from "@isol8/core";
const isol8 = new DockerIsol8({ network: "none" });
await isol8.start();
const result = await isol8.execute({
code: 'print("Hello from isol8!")',
runtime: "python",
timeoutMs: 10000,
});
console.log(result.stdout); // "Hello from isol8!"
console.log(result.exitCode); // 0
console.log(result.durationMs); // ~120-140ms (warm pool)
await isol8.stop();
// Optional manual cleanup helpers
await DockerIsol8.cleanup(); // remove isol8 containers
await DockerIsol8.cleanupImages(); // remove isol8 images
`;

const POOLS = `// Fast mode (default) - best performance
// Uses dual-pool system: clean pool + dirty pool
// Instant acquire from clean pool, immediate cleanup on acquire if needed
// Background cleanup runs every 5 seconds
const fastEngine = new DockerIsol8({
network: "none",
poolStrategy: "fast",
poolSize: { clean: 2, dirty: 2 }, // 2 ready, 2 being cleaned
});
// Secure mode - cleanup in acquire
// Slower but ensures container is always clean before use
const secureEngine = new DockerIsol8({
network: "none",
poolStrategy: "secure",
poolSize: 2, // 2 warm containers
});
`;

const SESSION = `const isol8 = new DockerIsol8({ mode: "persistent" });
await isol8.start();
await isol8.execute({ code: "x = 42", runtime: "python" });
const result = await isol8.execute({ code: "print(x)", runtime: "python" });
console.log(result.stdout); // "42"
await isol8.stop();
`;

const FILES = `await isol8.putFile("/sandbox/data.csv", "name,age\\nAlice,30\\nBob,25\\n");
const result = await isol8.execute({
code: \`
import csv
with open('/sandbox/data.csv') as f:
    for row in csv.reader(f):
        print(row)
\`,
runtime: "python",
});
const output = await isol8.getFile("/sandbox/output.txt");
`;

const REMOTE = `import { RemoteIsol8 } from "@isol8/core";
const isol8 = new RemoteIsol8(
{ host: "http://localhost:3000", apiKey: "my-key" },
{ network: "none" }
);
await isol8.start();
const result = await isol8.execute({ code: "print('remote!')", runtime: "python" });
await isol8.stop();
`;

const STREAM = `import { DockerIsol8 } from "@isol8/core";
const isol8 = new DockerIsol8({ network: "none" });
await isol8.start();
for await (const event of isol8.executeStream({
code: 'for i in range(5): print(i)',
runtime: "python",
})) {
if (event.type === "stdout") process.stdout.write(event.data);
if (event.type === "stderr") process.stderr.write(event.data);
if (event.type === "exit") console.log(\`\\nExit: \${event.data}\`);
}
await isol8.stop();
`;

const PACKAGES = `const result = await isol8.execute({
code: 'import numpy; print(numpy.__version__)',
runtime: "python",
installPackages: ["numpy"],
});
`;

const FILTER = `const isol8 = new DockerIsol8({
network: "filtered",
networkFilter: {
whitelist: ["^api\\\\.openai\\\\.com$", "packages\\\\.example\\\\.org"],
blacklist: [".*\\\\.ru$"],
},
});
`;

const IMPORT = 'import { DockerIsol8 } from "@isol8/core";\n';

/** Runs a program that finds the package in `node_modules`. Returns how it ended. */
async function run(program, env = {}) {
  return await withFolder(async (folder) => {
    await mkdir(join(folder, "node_modules/@isol8"), { recursive: true });
    await symlink(ROOT, join(folder, "node_modules/@isol8/core"));
    const path = join(folder, "example.mjs");
    await writeFile(path, program);
    return await scriptProcess(path, env).ended;
  });
}

/** Runs a program that must end well and print no error. Returns what it printed. */
async function printed(program, env) {
  const { code, stdout, stderr } = await run(program, env);
  assert.deepEqual([code, stderr], [0, ""]);
  return stdout;
}

test("a first program, with the removal of all containers and images", {
  skip: noOwnDocker,
}, async () => {
  await withOwnDocker(async (own) => {
    await own.copyImage("isol8:python");
    const stdout = await printed(FIRST, { DOCKER_HOST: `unix://${own.socketPath}` });
    assert.match(stdout, /^Hello from isol8!\n0\n\d+\n$/);
    assert.equal(await own.docker("ps", "--all", "--quiet"), "");
  });
});

test("the two pools", async () => {
  const use = `for (const engine of [fastEngine, secureEngine]) {
  for (let round = 0; round < 3; round += 1) {
    console.log((await engine.execute({ runtime: "bash", code: "ls -A; echo x >left" })).stdout);
  }
  await engine.stop();
}`;
  assert.equal(await printed(IMPORT + POOLS + use), "main.sh\n".repeat(6));
});

test("a persistent engine", async () => {
  assert.equal(await printed(IMPORT + SESSION), "42\n");
});

test("files in and out", async () => {
  const before = `const isol8 = new DockerIsol8({ mode: "persistent" });
await isol8.execute({ code: "open('/sandbox/output.txt', 'w').write('done')", runtime: "python" });
`;
  const after =
    "console.log(result.stdout, Buffer.isBuffer(output), String(output));\nawait isol8.stop();\n";
  const expected = "['name', 'age']\n['Alice', '30']\n['Bob', '25'] true done\n";
  assert.equal(await printed(IMPORT + before + FILES + after), expected);
});

/** Whether nobody listens at the port that the example names. */
async function isFree(port) {
  const server = createServer();
  const listening = await new Promise((resolve) => {
    server.once("error", () => resolve(false));
    server.listen(port, () => resolve(true));
  });
  if (listening) await new Promise((resolve) => server.close(resolve));
  return listening;
}

test("a server elsewhere", {
  skip: (await isFree(3000)) ? false : "port 3000 is in use",
}, async () => {
  const { stop } = await serve("my-key", { port: 3000 });
  try {
    assert.equal(await printed(`${REMOTE}console.log(result.stdout);\n`), "remote!\n");
  } finally {
    await stop();
  }
});

test("streaming", async () => {
  assert.equal(await printed(STREAM), "0\n1\n2\n3\n4\n\nExit: 0\n");
});

test("packages that are installed when they are needed", async () => {
  const before = 'const isol8 = new DockerIsol8({ timeoutMs: 120_000, sandboxSize: "1g" });\n';
  const after = "console.log(result.stdout, result.stderr);\nawait isol8.stop();\n";
  assert.match(await printed(IMPORT + before + PACKAGES + after), /^\d+\.\d+\.\d+ \n$/);
});

test("a filtered network", async () => {
  const after = `
const code = "echo $HTTPS_PROXY; curl -s -o /dev/null -w %{http_code} http://host.example.ru/; curl -s https://example.ru/ || echo refused";
console.log((await isol8.execute({ runtime: "bash", code })).stdout);
await isol8.stop();
`;
  const expected = "http://127.0.0.1:8118\n403refused\n";
  assert.equal(await printed(IMPORT + FILTER + after), expected);
});

/** The configuration files, which only name their schema, and which set something. */
const SCHEMA = `{
"$schema": "node_modules/@isol8/core/schema/isol8.config.schema.json"
}`;

const CONFIG = `{
"$schema": "node_modules/@isol8/core/schema/isol8.config.schema.json",
"maxConcurrent": 10,
"defaults": {
"timeoutMs": 30000,
"memoryLimit": "512m",
"cpuLimit": 1.0,
"network": "none"
},
"network": {
"whitelist": ["^api\\\\.openai\\\\.com$"],
"blacklist": []
},
"cleanup": {
"autoPrune": true,
"maxContainerAgeMs": 3600000
},
"dependencies": {
"python": ["numpy", "pandas"],
"node": ["lodash"]
},
"security": {
"seccomp": "strict"
}
}`;

test("the configuration files, with their schema", async () => {
  const { warn } = console;
  console.warn = (...words) => assert.fail(words.join(" "));
  try {
    await withFolder(async (folder) => {
      const path = join(folder, "isol8.config.json");
      await writeFile(path, SCHEMA);
      const defaults = loadConfig(folder);
      await writeFile(path, CONFIG);
      const { network, dependencies, defaults: set } = loadConfig(folder);
      assert.deepEqual(network, { whitelist: ["^api\\.openai\\.com$"], blacklist: [] });
      assert.deepEqual(dependencies, { python: ["numpy", "pandas"], node: ["lodash"] });
      assert.deepEqual(set, defaults.defaults);
      assert.equal(set.sandboxSize, "512m");
    });
  } finally {
    console.warn = warn;
  }
});
