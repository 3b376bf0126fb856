// Installs a module of the jsr registry. Many machines cannot reach that registry, so this is a program of its own:
// it then prints the reason, and `npm test` counts it as not run.

import assert from "node:assert/strict";
import { DockerIsol8 } from "../index.js";

/** What is printed when the registry cannot be reached. */
const UNREACHABLE = "the registry of jsr: modules cannot be reached";

const REQUEST = {
  runtime: "deno",
  code: "import { join } from 'jsr:@std/path@1'; console.log(join('a', 'b'))",
  installPackages: ["jsr:@std/path@1"],
};

/** Runs the request on the network of `options`. Returns the result, or the error of the installation. */
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
  // Without our proxy, on the host's network: does it fail there, too? Then the machine is the cause.
  const direct = await attempt({ network: "host" });
  if (!(direct instanceof Error)) throw outcome;
  console.log(UNREACHABLE);
} else {
  assert.deepEqual([outcome.stdout, outcome.exitCode], ["a/b", 0], outcome.stderr);
}
