// What usual JavaScript programs do through the `node:` modules, which Node, Bun and Deno share. Each step must work
// under the seccomp profile.
import assert from "node:assert/strict";
import { execFileSync, execSync, spawn } from "node:child_process";
import { createHash, randomBytes, scryptSync } from "node:crypto";
import dns from "node:dns/promises";
import { once } from "node:events";
import fs from "node:fs";
import http from "node:http";
import net from "node:net";
import os from "node:os";
import { Worker } from "node:worker_threads";
import zlib from "node:zlib";

const steps = {
  async workers() {
    const source =
      "const { parentPort } = require('node:worker_threads'); parentPort.postMessage(42)";
    const worker = new Worker(source, { eval: true });
    assert.equal((await once(worker, "message"))[0], 42);
    await worker.terminate();
  },
  async children() {
    assert.equal(execSync("echo hi").toString(), "hi\n");
    assert.equal(execFileSync("cat", { input: "in" }).toString(), "in");
    const child = spawn("sleep", ["60"]);
    await once(child, "spawn");
    child.kill("SIGTERM");
    assert.equal((await once(child, "exit"))[1], "SIGTERM");
  },
  async network() {
    const server = http.createServer((_, response) => response.end("body")).listen(0, "127.0.0.1");
    await once(server, "listening");
    const response = await fetch(`http://127.0.0.1:${server.address().port}/`);
    assert.equal(await response.text(), "body");
    server.close();
    server.closeAllConnections?.();
    const unix = net.createServer((socket) => socket.end("u")).listen("/sandbox/u.sock");
    await once(unix, "listening");
    const socket = net.connect("/sandbox/u.sock");
    assert.equal((await once(socket, "data"))[0].toString(), "u");
    unix.close();
    await dns.lookup("localhost");
    assert.ok(os.networkInterfaces().lo);
  },
  async files() {
    fs.mkdirSync("/sandbox/d/e", { recursive: true });
    fs.writeFileSync("/sandbox/d/a", "abc");
    const watcher = fs.watch("/sandbox/d");
    const change = once(watcher, "change");
    await new Promise((resolve) => setTimeout(resolve, 50));
    fs.copyFileSync("/sandbox/d/a", "/sandbox/d/b");
    await change;
    watcher.close();
    fs.symlinkSync("a", "/sandbox/d/l");
    fs.utimesSync("/sandbox/d/a", 1, 1);
    fs.chmodSync("/sandbox/d/a", 0o600);
    const handle = await fs.promises.open("/sandbox/d/a", "r+");
    await handle.truncate(1);
    await handle.sync();
    await handle.close();
    fs.renameSync("/sandbox/d/a", "/sandbox/d/z");
    fs.cpSync("/sandbox/d", "/sandbox/f", { recursive: true });
    assert.equal(fs.readdirSync("/sandbox/f").length, 4);
    await fs.promises.rm("/sandbox/d", { recursive: true });
  },
  async computing() {
    assert.equal(createHash("sha256").update("x").digest("hex").length, 64);
    assert.equal(randomBytes(8).length, 8);
    assert.equal(scryptSync("a", "b", 16).length, 16);
    assert.equal(zlib.gunzipSync(zlib.gzipSync("x".repeat(9999))).length, 9999);
    const wasm = new Uint8Array([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]);
    assert.ok(await WebAssembly.compile(wasm));
    // Enough work to make the optimising compilers and the collector start their threads.
    let sum = 0;
    const kept = [];
    for (let i = 0; i < 3e6; i++) {
      sum += i % 7;
      if (i % 100 === 0) kept.push({ i });
    }
    assert.equal(kept.length, 30000);
    assert.ok(sum > 0 && os.cpus().length > 0 && process.memoryUsage().rss > 0);
  },
};

export async function run(more = {}) {
  for (const [name, step] of Object.entries({ ...steps, ...more })) {
    await step();
    console.log("ok", name);
  }
  console.log("done");
}
