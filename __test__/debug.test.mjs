// What the engine writes to standard error: nothing, or each step with `debug`. It never writes a secret, code or
// a value of the environment.

import assert from "node:assert/strict";
import { hostProcess } from "./helpers/child.mjs";
import { test } from "./helpers/harness.mjs";

/** Texts that no line may contain: a secret, a value of `env`, code, input, contents of files, output. */
const PRIVATE = ["hunter2", "value-of-env", "code-itself", "input-itself", "file-itself"];

const REQUEST = `{
  runtime: "bash",
  code: "echo $TOKEN code-itself; cat; exit 3",
  setupScript: "echo code-itself",
  env: { NAME: "value-of-env" },
  stdin: "input-itself",
  files: { "/sandbox/a": "file-itself" },
  outputPaths: ["/sandbox/a"],
}`;

/** Runs a host program that makes its engine with these options. Returns how it ended. */
const said = (options, program) =>
  hostProcess(`const engine = new DockerIsol8(${JSON.stringify(options)});
${program}
await engine.stop();`).ended;

/** Returns the debug lines. Standard error must have no others. */
function debugLines({ code, stdout, stderr }) {
  assert.deepEqual([code, stdout], [0, ""], stderr);
  const lines = stderr.trimEnd().split("\n");
  for (const line of lines) {
    assert.match(line, /^\[DEBUG\] \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z \S/);
    for (const text of PRIVATE) assert.ok(!line.includes(text), line);
  }
  return lines;
}

/** Asserts that each of `steps` is reported, in this order. */
function assertTold(lines, steps) {
  let at = -1;
  for (const step of steps) {
    const next = lines.findIndex((line, index) => index > at && step.test(line));
    assert.ok(next > at, `${step} after line ${at + 1} in\n${lines.join("\n")}`);
    at = next;
  }
}

test("nothing is printed by default", async () => {
  const quiet = await said({ secrets: { TOKEN: "hunter2" } }, `await engine.execute(${REQUEST});`);
  assert.deepEqual(quiet, { code: 0, signal: null, stdout: "", stderr: "" });
});

test("debug writes each step to standard error, without private data", async () => {
  const options = { secrets: { TOKEN: "hunter2" }, debug: true, timeoutMs: 20_000 };
  const lines = debugLines(await said(options, `await engine.execute(${REQUEST});`));
  assertTold(lines, [
    /plan runtime="bash" program="\/sandbox\/main.sh" .*setup_script=true files=1 output_paths=1 .*network=None timeout_ms=20000/,
    /image image="isol8:bash" why="it is the runtime's own"/,
    /sandbox started container="[0-9a-f]{64}" image="sha256:[0-9a-f]{64}" ms=\d+/,
    /sandbox taken container="[0-9a-f]{64}" from="a start or a reset"/,
    /running a setup script/,
    /setup script ended exit_code=0 ms=\d+/,
    /starting the program files=2 bytes=\d+/,
    /program ended exit_code=3 ms=\d+ timed_out=false started_ahead=false/,
    /execution ended exit_code=3 .*output_files=1/,
    /stopping the engine/,
    /removing the sandbox container="[0-9a-f]{64}"/,
  ]);
  assertTold(lines, [/plain start why="a setup script runs first"/]);
  const ids = lines.map((line) => /\(execution id="([0-9a-f-]{36})"\)$/.exec(line)?.[1]);
  assert.equal(new Set(ids.filter(Boolean)).size, 1, "each line says which execution it is about");
});

test("debug reports the pool: a prewarmed sandbox, a parked interpreter, a reset", async () => {
  const lines = debugLines(
    await said(
      { debug: true, poolSize: 1 },
      `await engine.start({ prewarm: { runtimes: ["python"] } });
await engine.execute({ runtime: "python", code: "print('code-itself')" });`,
    ),
  );
  assertTold(lines, [
    /sandbox started .*image="sha256:/,
    /sandbox taken .*from="the pool" interpreter_started=true/,
    /program ended .*started_ahead=true/,
    /sandbox reset container="[0-9a-f]{64}" processes=\d+ entries=\d+/,
  ]);
});

test("debug reports why a parked interpreter is not used", async () => {
  const lines = debugLines(
    await said(
      { debug: true },
      `await engine.execute({ runtime: "python", code: "1", env: { PYTHONHASHSEED: "1" } });
await engine.execute({ runtime: "python", cmd: "echo code-itself" });`,
    ),
  );
  assertTold(lines, [
    /plain start why="the interpreter reads a variable in env when it starts"/,
    /plain start why="it is a command"/,
  ]);
});

test("debug reports sessions, their files, and errors by their code", async () => {
  const lines = debugLines(
    await said(
      { debug: true, mode: "persistent" },
      `await engine.execute({ runtime: "bash", code: "true" });
await engine.putFile("/sandbox/x", "file-itself");
await engine.getFile("/sandbox/x");
await engine.execute({ runtime: "python", code: "1" }).catch(() => {});`,
    ),
  );
  assertTold(lines, [
    /sandbox started/,
    /the session's sandbox/,
    /writing a file path="\/sandbox\/x" bytes=11/,
    /reading a file path="\/sandbox\/x"/,
    /execution failed code="ISOL8_\w+"/,
    /removing the sandbox/,
  ]);
});

test("debug reports the decisions of the filtered network", async () => {
  const options = {
    debug: true,
    network: "filtered",
    networkFilter: { whitelist: ["^allowed\\.test$"] },
  };
  const code =
    "exec 3<>/dev/tcp/127.0.0.1/8118; printf 'CONNECT denied.test:443 HTTP/1.1\\r\\n\\r\\n' >&3; head -1 <&3";
  const lines = debugLines(
    await said(options, `await engine.execute(${JSON.stringify({ runtime: "bash", code })});`),
  );
  assertTold(lines, [/network method="CONNECT" host="denied.test" action=Block/]);
});

test("logger.setDebug and the option debug are the same switch", async () => {
  const program = `const { logger } = await import("@isol8/core");
const run = () => engine.execute({ runtime: "bash", code: "true" });
await run();
logger.setDebug(true);
await run();
logger.setDebug(false);
console.error("[DEBUG] 2000-01-01T00:00:00.000Z off");
await run();`;
  const lines = debugLines(await said({ poolSize: 0 }, program));
  const off = lines.indexOf("[DEBUG] 2000-01-01T00:00:00.000Z off");
  assert.equal(lines.slice(0, off).filter((line) => /execution ended/.test(line)).length, 1);
  // The removal of a sandbox that began before may still be reported.
  assert.deepEqual(lines.slice(off + 1), []);
});

test("a worker that loads the package leaves the debug lines of the main thread on", async () => {
  const program = `const { Worker } = await import("node:worker_threads");
const { once } = await import("node:events");
const { logger } = await import("@isol8/core");
logger.setDebug(true);
const worker = new Worker(
  'import("@isol8/core").then(({ DockerIsol8 }) => new DockerIsol8({}).stop())',
  { eval: true },
);
const [exit] = await once(worker, "exit");
if (exit !== 0) throw new Error("the worker failed");
console.error("[DEBUG] 2000-01-01T00:00:00.000Z loaded");
await engine.execute({ runtime: "bash", code: "true" });`;
  const lines = debugLines(await said({ poolSize: 0 }, program));
  const loaded = lines.indexOf("[DEBUG] 2000-01-01T00:00:00.000Z loaded");
  assertTold(lines.slice(loaded), [/execution ended/]);
});

test("logger.setSink gets every line in place of standard error, with time and execution id", async () => {
  const program = `const { logger } = await import("@isol8/core");
const lines = [];
logger.setSink((line) => {
  lines.push(line);
  if (line.message.startsWith("image ")) throw new Error("the sink's own");
});
logger.setDebug(true);
logger.warn("from the package", 1);
const { executionId } = await engine.execute({ runtime: "bash", code: "true" });
const seen = (text) => lines.find(({ message }) => message.startsWith(text));
for (let tries = 0; tries < 500 && !seen("execution ended"); tries += 1) {
  await new Promise((resolve) => setTimeout(resolve, 20));
}
logger.setSink(null);
logger.setDebug(false);
logger.warn("on the console");
console.log(JSON.stringify({ lines, executionId }));`;
  const { code, stdout, stderr } = await said({ poolSize: 0 }, program);
  assert.equal(code, 0, stderr);
  const { lines, executionId } = JSON.parse(stdout);
  const [first] = lines;
  assert.deepEqual([first.level, first.message], ["warn", "from the package 1"]);
  for (const { time } of lines) assert.match(time, /^\d{4}-\d\d-\d\dT[\d:]+\.\d{3}Z$/);
  const plan = lines.find(({ message }) => message.startsWith("plan "));
  const ended = lines.find(({ message }) => message.startsWith("execution ended "));
  assert.deepEqual([plan.level, plan.executionId], ["debug", executionId]);
  assert.equal(ended.executionId, executionId);
  const printed = stderr.trimEnd().split("\n");
  assert.match(printed[0], /^\[ERROR\] The sink of the logger threw: /);
  assert.match(stderr, /rror: the sink's own/);
  assert.equal(printed.at(-1), "[WARN] on the console");
  assert.doesNotMatch(stderr, /\[DEBUG\]/);
});

test("a sink that is no function is refused", async () => {
  const program = `const { logger } = await import("@isol8/core");
try { logger.setSink("x"); } catch (error) { console.log(error.code, error.message); }`;
  const { stdout } = await said({}, program);
  assert.equal(stdout, "ISOL8_INVALID_OPTION Invalid sink: x. It must be a function, or null.\n");
});
