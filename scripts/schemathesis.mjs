// Asks a server everything that its OpenAPI document describes, and what it forbids. The tool is schemathesis.
// `node scripts/schemathesis.mjs COUNT` sends up to COUNT random requests to each endpoint, beside those at the limits of the
// schemas. What cannot run here is said in a line that begins with "not run: ".

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer, Isol8 } from "../index.js";
import { NotRun, run } from "./steps.mjs";

const KEY = "schemathesis-key";

/** Minutes after which a run is killed. */
const MINUTES = 15;

/** The endpoint after which a server takes no work any more. It is asked last. */
const LAST = "/drain";

/** Returns the path of the program. Throws `NotRun` when it cannot be fetched. */
async function program() {
  try {
    const said = await run("sh", ["scripts/ensure-schemathesis.sh"], { quiet: true });
    return said.trim().split("\n").at(-1);
  } catch (error) {
    if (!error.message.endsWith("exit code 3")) throw error;
    throw new NotRun("the package schemathesis cannot be fetched");
  }
}

/**
 * Runs a server on local sandboxes, whose clean-up touches nothing of other programs, and asks it.
 *
 * @param {number} examples
 */
async function schemathesis(examples) {
  const tool = await program();
  const local = new Isol8({ backend: "local" });
  try {
    await local.ping();
  } catch (error) {
    throw new NotRun(`local sandboxes cannot run here: ${error.message}`);
  } finally {
    await local.stop();
  }
  const folder = await mkdtemp(join(tmpdir(), "isol8-schemathesis-"));
  const server = await createServer({
    apiKey: KEY,
    port: 0,
    hostname: "127.0.0.1",
    backend: "local",
    authDb: join(folder, "keys.db"),
    config: { defaults: { timeoutMs: 2000 } },
  });
  try {
    const ask = (...which) =>
      run(
        tool,
        [
          ...["--config-file=scripts/schemathesis.toml", "--no-color", "run"],
          ...[`${server.url}/openapi.json`, "--header", `Authorization: Bearer ${KEY}`],
          ...["--seed=1", `--max-examples=${examples}`, "--workers=1", ...which],
        ],
        { minutes: MINUTES, env: { NO_PROXY: "127.0.0.1", no_proxy: "127.0.0.1" } },
      );
    await ask("--exclude-path", LAST);
    await ask("--include-path", LAST);
    // What follows the document may still have done nothing.
    const headers = { Authorization: `Bearer ${KEY}` };
    const capacity = await (await fetch(`${server.url}/capacity`, { headers })).json();
    if (capacity.accepting !== false) throw new Error(`no request to ${LAST} was accepted`);
  } finally {
    await server.shutdown({ graceMs: 0 });
    await rm(folder, { recursive: true, force: true });
  }
}

try {
  await schemathesis(Number(process.argv[2]));
} catch (error) {
  if (!(error instanceof NotRun)) throw error;
  console.log(`not run: ${error.message}`);
}
