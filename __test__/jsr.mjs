// A module of the jsr registry, installed for real. By itself, because many machines cannot reach that
// registry: then it says so, and `npm test` counts it as not run.

import assert from "node:assert/strict";
import { DockerIsol8 } from "../index.js";

/** What is printed when nothing can be said. */
const UNREACHABLE = "the registry of jsr: modules cannot be reached";

const REQUEST = {
  runtime: "deno",
  code: "import { join } from 'jsr:@std/path@1'; console.log(join('a', 'b'))",
  installPackages: ["jsr:@std/path@1"],
};

/** Runs the request by the network that `options` give; the result, or the failed installation. */
async function attempt(options) {
  const engine = new DockerIsol8({ image: "isol8:deno", timeoutMs: 60_000, ...options });
  try {
    return await engine.execute(REQUEST);
  } catch (error) {
    if (error.code !== "ISOL8_INSTALL") throw error;
    return error;
  } finally {
    await engine.stop();
  }
}

const outcome = await attempt({ network: "none" });
if (outcome instanceof Error) {
  // Our proxy's doing, or that of the machine? With the host's own network there is no proxy.
  const direct = await attempt({ network: "host" });
  if (!(direct instanceof Error)) throw outcome;
  console.log(UNREACHABLE);
} else {
  assert.deepEqual([outcome.stdout, outcome.exitCode], ["a/b", 0], outcome.stderr);
}
