// What scripts of this folder print in a Node process of their own.

import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

/**
 * Returns what a script of lib/ prints in its own Node process, so that nothing else changes the memory of
 * that process. V8's young generation has a fixed size there. By default it grows in steps, for hours if need be.
 */
export async function measured(script, ...args) {
  const path = fileURLToPath(new URL(`./${script}.mjs`, import.meta.url));
  const flags = ["--expose-gc", "--min-semi-space-size=1", "--max-semi-space-size=1"];
  const command = [...flags, path, ...args.map(String)];
  const { stdout } = await promisify(execFile)(process.execPath, command, { timeout: 600_000 });
  return JSON.parse(stdout);
}
