// The server of the isol8 program.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { until } from "./harness.mjs";

const LAUNCHER = fileURLToPath(new URL("../../bin/launch.cjs", import.meta.url));
const NODE = process.versions.bun ? "node" : process.execPath;

/** Returns a port that was free a moment ago. */
export async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** The process of the program that the launcher `pid` has started. */
function programOf(pid) {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8");
  return Number(children.trim().split(" ")[0]);
}

/**
 * Starts `isol8 serve` with `key`, at `port` and with this configuration. Returns its address, `program()`, which is the
 * process that serves (on Linux), `ended`, which resolves with exit code and signal, `said()`, which is its output, and
 * `stop`, which must be called.
 */
export async function serve(key, { port, config = {} } = {}) {
  const folder = await mkdtemp(join(tmpdir(), "isol8-served-"));
  await writeFile(join(folder, "isol8.config.json"), JSON.stringify(config));
  const address = ["--hostname", "127.0.0.1", "--port", port ?? (await freePort())];
  const words = ["serve", "--keep-images", ...address];
  const child = spawn(NODE, [LAUNCHER, ...words.map(String)], {
    cwd: folder,
    env: { ...process.env, HOME: folder, ISOL8_API_KEY: key },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (data) => {
      said += data;
    });
  }
  const ended = new Promise((resolve) => {
    child.on("close", (code, signal) => resolve({ code, signal }));
  });
  const stop = async () => {
    child.kill("SIGTERM");
    try {
      await until(() => child.exitCode !== null || child.signalCode !== null, "the server ends");
    } finally {
      child.kill("SIGKILL");
      await rm(folder, { recursive: true, force: true });
    }
  };
  try {
    const listening = () => /listening on (https?:\S+)/.exec(said)?.[1];
    const host = await until(
      () => {
        assert.equal(child.exitCode, null, said);
        return listening();
      },
      () => `the server listens: ${said}`,
    );
    const program = () => programOf(child.pid);
    return { host, stop, ended, program, said: () => said };
  } catch (error) {
    await stop();
    throw error;
  }
}
