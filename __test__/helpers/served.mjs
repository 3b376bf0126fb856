// The server of the isol8 program.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
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

/** Starts `isol8 serve` with `key`. Returns its address, and `stop`, which must be called. */
export async function serve(key) {
  const folder = await mkdtemp(join(tmpdir(), "isol8-served-"));
  const words = ["serve", "--keep-images", "--hostname", "127.0.0.1", "--port", await freePort()];
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
    const listening = () => /listening on (http:\S+)/.exec(said)?.[1];
    const host = await until(
      () => {
        assert.equal(child.exitCode, null, said);
        return listening();
      },
      () => `the server listens: ${said}`,
    );
    return { host, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
