// How much memory large files and programs take in the host's process.

import assert from "node:assert/strict";
import { hostProcess } from "./helpers/child.mjs";
import { test } from "./helpers/harness.mjs";

/** Measures in another process the highest memory that a call adds to the memory before it, in MiB. */
const MEASURE = `
import { randomBytes } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import v8 from "node:v8";
import vm from "node:vm";
if (!process.versions.bun) v8.setFlagsFromString("--expose-gc");
const collect = process.versions.bun ? () => Bun.gc(true) : vm.runInNewContext("gc");
const memory = (field) =>
  Number(new RegExp(field + ":\\\\s+(\\\\d+)").exec(readFileSync("/proc/self/status", "utf8"))[1]) / 1024;
const added = async (call) => {
  collect();
  await new Promise((resolve) => setTimeout(resolve, 50));
  collect();
  const before = memory("VmRSS");
  writeFileSync("/proc/self/clear_refs", "5"); // Forgets the highest value so far.
  const started = Date.now();
  const value = await call();
  return { value, peak: memory("VmHWM") - before, seconds: (Date.now() - started) / 1000 };
};
`;

/** Writes and reads 100 MiB many times. */
const LARGE_FILE = `${MEASURE}
const engine = new DockerIsol8({ mode: "persistent", memoryLimit: "1g" });
await engine.execute({ runtime: "bash", code: ":" });
const data = randomBytes(100 * 2 ** 20);
const rounds = [];
for (let round = 0; round < 3; round += 1) {
  const put = await added(() => engine.putFile("/sandbox/large", data));
  const get = await added(() => engine.getFile("/sandbox/large"));
  rounds.push({ put: put.peak, get: get.peak, same: get.value.equals(data), seconds: [put.seconds, get.seconds] });
  delete get.value;
  collect();
  rounds.at(-1).left = memory("VmRSS");
}
await engine.stop();
console.log(JSON.stringify(rounds));
`;

test("100 MiB go in and come out whole, and each call costs one copy in memory", async (t) => {
  const { line, ended } = hostProcess(LARGE_FILE);
  const rounds = JSON.parse(await line());
  assert.equal((await ended).code, 0);
  t.diagnostic?.(JSON.stringify(rounds));
  // One copy of the caller's bytes, because the caller may change them during the call. The bytes that come back
  // are the result itself. Frames and their buffers fit into the remaining 30 MiB.
  for (const { put, get, same } of rounds) {
    assert.ok(same);
    assert.ok(put < 130, `putFile of 100 MiB added ${put} MiB`);
    assert.ok(get < 130, `getFile of 100 MiB added ${get} MiB`);
  }
  // At most one result is not freed yet. More would be a leak.
  assert.ok(rounds[2].left - rounds[0].left < 130, JSON.stringify(rounds));
});

/** Runs a program of 200 MiB, whose first line ends it, and programs with such an input and such files. */
const LARGE_TEXTS = `${MEASURE}
const engine = new DockerIsol8({ memoryLimit: "1g", sandboxSize: "300m" });
await engine.execute({ runtime: "bash", code: ":" });
const text = (mebibytes) => {
  const bytes = Buffer.alloc(mebibytes * 2 ** 20, "x");
  bytes.write("exit 3\\n");
  return bytes.toString("latin1");
};
const files = { "/sandbox/large1": text(100), "/sandbox/large2": text(100) };
const requests = {
  program: { code: text(200) },
  input: { code: "wc -c; exit 3", stdin: text(200) },
  files: { code: "cat large* | wc -c; exit 3", files },
};
const rounds = [];
for (const [name, request] of Object.entries(requests)) {
  for (let round = 0; round < 2; round += 1) {
    const { value, peak } = await added(() => engine.execute({ runtime: "bash", ...request }));
    rounds.push({ name, exit: value.exitCode, stdout: value.stdout, peak });
  }
}
await engine.stop();
console.log(JSON.stringify(rounds));
`;

test("texts of 200 MiB in a request cost the host one copy beside the originals", async (t) => {
  const { line, ended } = hostProcess(LARGE_TEXTS);
  const rounds = JSON.parse(await line());
  assert.equal((await ended).code, 0);
  t.diagnostic?.(JSON.stringify(rounds));
  assert.equal(rounds.length, 6);
  for (const { name, exit, stdout, peak } of rounds) {
    assert.equal(exit, 3);
    assert.equal(stdout, name === "program" ? "" : `${200 * 2 ** 20}`, name);
    assert.ok(peak < 200 * 1.15, `200 MiB as ${name} added ${peak} MiB`);
  }
});
