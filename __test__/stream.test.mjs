// executeStream: the events of an execution, its end by the consumer, and back-pressure.

import assert from "node:assert/strict";
import { docker } from "./helpers/docker.mjs";
import {
  eventsOf,
  sharedEngine,
  sleep,
  test,
  textOf,
  until,
  withEngine,
} from "./helpers/harness.mjs";
import { assertClean } from "./helpers/probe.mjs";

const engine = sharedEngine();

/** Joins adjacent events with output of one kind. How output is cut into events is not documented. */
function joined(events) {
  const list = [];
  for (const { type, data, phase } of events) {
    const last = list.at(-1);
    if (last && last[0] === type && last[2] === phase && type.startsWith("std")) last[1] += data;
    else list.push([type, data, phase]);
  }
  return list;
}

test("events arrive in order with their phase, and the exit is the last", async () => {
  const code = "echo one; sleep 0.2; echo two >&2; sleep 0.2; echo three; exit 5";
  assert.deepEqual(joined(await eventsOf(engine, { runtime: "bash", code })), [
    ["stdout", "one\n", "code"],
    ["stderr", "two\n", "code"],
    ["stdout", "three\n", "code"],
    ["exit", "5", "code"],
  ]);
});

test("output arrives while the program runs", async () => {
  const stream = engine.executeStream({ runtime: "bash", code: "echo first; sleep 60" });
  const { value } = await stream.next();
  assert.deepEqual(value, { type: "stdout", data: "first\n", phase: "code" });
  await stream.return();
});

test("a silent program has only an exit event", async () => {
  const events = await eventsOf(engine, { runtime: "bash", code: "sleep 0.3" });
  assert.deepEqual(joined(events), [["exit", "0", "code"]]);
});

test("a setup script has its own phase and exit event", async () => {
  const request = { runtime: "bash", setupScript: "echo s; echo e >&2", code: "echo c" };
  const events = joined(await eventsOf(engine, request));
  const setup = events.filter(([, , phase]) => phase === "setup");
  assert.deepEqual(setup.at(-1), ["exit", "0", "setup"]);
  assert.deepEqual(setup.slice(0, -1).sort(), [
    ["stderr", "e\n", "setup"],
    ["stdout", "s\n", "setup"],
  ]);
  assert.deepEqual(events.slice(setup.length), [
    ["stdout", "c\n", "code"],
    ["exit", "0", "code"],
  ]);
});

test("a failing setup script ends the execution", async () => {
  const request = { runtime: "bash", setupScript: "echo s; exit 9", code: "echo never" };
  assert.deepEqual(joined(await eventsOf(engine, request)), [
    ["stdout", "s\n", "setup"],
    ["error", "Setup script failed (exit code 9)", "setup"],
    ["exit", "9", "setup"],
  ]);
});

test("a timeout is an error event and exit 137, and nothing follows", async () => {
  const request = { runtime: "bash", code: "echo before; sleep 60", timeoutMs: 1000 };
  assert.deepEqual(joined(await eventsOf(engine, request)), [
    ["stdout", "before\n", "code"],
    ["error", "EXECUTION TIMED OUT", "code"],
    ["exit", "137", "code"],
  ]);
});

test("a timeout of the setup script has its own message", async () => {
  const request = { runtime: "bash", setupScript: "sleep 60", code: ":", timeoutMs: 1000 };
  assert.deepEqual(joined(await eventsOf(engine, request)), [
    ["error", "SETUP SCRIPT TIMED OUT", "setup"],
    ["exit", "137", "setup"],
  ]);
});

test("streamed and collected output are the same", async () => {
  const code = 'for i in $(seq 3000); do echo "line $i é"; echo "error $i" >&2; done';
  const result = await engine.execute({ runtime: "bash", code });
  const events = await eventsOf(engine, { runtime: "bash", code });
  assert.equal(textOf(events, "stdout").trimEnd(), result.stdout);
  assert.equal(textOf(events, "stderr").trimEnd(), result.stderr);
});

test("a stream has its result at the end: truncation, usage, files", async () => {
  await withEngine({ maxOutputSize: 10 }, async (limited) => {
    const stream = limited.executeStream({
      runtime: "bash",
      code: "echo 0123456789abcdef; echo file >out; exit 3",
      outputPaths: ["/sandbox/out"],
    });
    const types = [];
    for await (const { type } of stream) {
      assert.equal(stream.result, undefined, "not before the end");
      types.push(type);
    }
    assert.equal(types.at(-1), "exit");
    const { result } = stream;
    assert.deepEqual([result.truncated, result.exitCode, result.runtime], [true, 3, "bash"]);
    assert.equal(Buffer.from(result.files["/sandbox/out"], "base64").toString(), "file\n");
    assert.ok(result.resourceUsage.memoryMB > 0 && result.durationMs >= 0);
    assert.match(result.executionId, /^[0-9a-f-]{36}$/);
    assert.ok(!("stdout" in result) && !("stderr" in result), "the events carried the output");
  });
});

test("a stream that fails has no result", async () => {
  const stream = engine.executeStream({ runtime: "bash", code: ":", setupScript: "exit 1" });
  for await (const _ of stream);
  assert.equal(stream.result, undefined);
});

test("a finished stream stays finished", async () => {
  const stream = engine.executeStream({ runtime: "bash", code: ":" });
  for await (const _ of stream);
  assert.deepEqual(await stream.next(), { value: undefined, done: true });
});

test("a sandbox that is removed during the run gives an error event and exit 1", async () => {
  const doomed = engine.executeStream({ runtime: "bash", code: "cat /etc/hostname; sleep 60" });
  const { value } = await doomed.next();
  await docker("kill", value.data.trim());
  const rest = [];
  for await (const event of doomed) rest.push(event);
  assert.equal(rest.length, 2);
  assert.equal(rest[0].type, "error");
  assert.match(rest[0].data, /The sandbox was lost/);
  assert.deepEqual(rest[1], { type: "exit", data: "1", phase: "code" });
  assert.equal((await engine.execute({ runtime: "bash", code: "echo on" })).stdout, "on");
});

/** Counts, from outside, the processes of the container with `marker` in their command line. */
async function running(containerId, marker) {
  const top = await docker("top", containerId, "-eo", "pid,args").catch(() => "");
  return top.split("\n").filter((line) => line.includes(marker)).length;
}

for (const [how, leave] of [
  ["break", "break"],
  ["an exception", "throw"],
]) {
  test(`leaving the loop by ${how} ends the program`, async () => {
    const marker = `86${400 + how.length}.25`;
    let containerId;
    const consume = async () => {
      const code = `cat /etc/hostname; setsid sleep ${marker} & sleep ${marker}`;
      for await (const event of engine.executeStream({ runtime: "bash", code })) {
        containerId = event.data.trim();
        assert.ok((await until(() => running(containerId, marker), "program runs")) > 0);
        if (leave === "break") break;
        throw new Error("enough");
      }
    };
    if (leave === "break") await consume();
    else await assert.rejects(consume(), { message: "enough" });
    await until(async () => (await running(containerId, marker)) === 0, "program is gone");
    await assertClean(engine);
  });
}

test("return() ends an execution whose next event is pending", async () => {
  const stream = engine.executeStream({ runtime: "bash", code: "echo x; sleep 600" });
  await stream.next();
  const pending = stream.next();
  await stream.return();
  assert.equal((await pending).done, true);
});

for (const kind of ["stream", "execute"]) {
  test(`an aborted signal ends ${kind}`, async () => {
    const controller = new AbortController();
    const request = { runtime: "bash", code: "sleep 600" };
    const options = { signal: controller.signal };
    const run =
      kind === "stream" ? eventsOf(engine, request, options) : engine.execute(request, options);
    setTimeout(() => controller.abort(new Error("no longer needed")), 500);
    await assert.rejects(run, { message: "no longer needed" });
    await assertClean(engine);
  });
}

test("a slow consumer slows the program down", async () => {
  const lines = 800;
  // Each line is 64 KiB. The program prints the time of each write beside it.
  const code = `
import sys, time
for line in range(${lines}):
    sys.stdout.write("x" * 65535 + "\\n"); sys.stdout.flush()
    print(time.time(), file=sys.stderr, flush=True)`;
  await withEngine({ maxOutputSize: 1 << 30 }, async (unlimited) => {
    const stream = unlimited.executeStream({ runtime: "python", code });
    let received = 0;
    let errors = "";
    const take = ({ type, data }) => {
      if (type === "stdout") received += data.length;
      if (type === "stderr") errors += data;
    };
    take((await stream.next()).value);
    await sleep(3000);
    const resumed = Date.now() / 1000;
    for await (const event of stream) take(event);
    assert.equal(received, lines << 16);
    const times = errors.trim().split("\n").map(Number);
    assert.equal(times.length, lines);
    const early = times.filter((time) => time < resumed - 0.1).length;
    assert.ok(early < lines / 4, `${early} of ${lines} lines were taken while nobody read`);
    console.log(`# ${early} of ${lines} lines of 64 KiB were taken while nobody read`);
  });
});
