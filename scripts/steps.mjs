// Runs named steps one after the other. Prints the name and the duration of each, and the output of one that fails.

import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

/** The project's folder. */
export const root = fileURLToPath(new URL("..", import.meta.url));

/** Thrown by a step that cannot run on this machine. It counts as not run, and not as failed. */
export class NotRun extends Error {}

/** Seconds between two progress lines of a running step. */
const PULSE_SECONDS = 30;

/**
 * Runs a command in the project's folder. Shows its output at once, or, when quiet, keeps the output for the error.
 *
 * @param {string} command
 * @param {string[]} args
 * @param {{quiet?: boolean, env?: Record<string, string | undefined>}} options
 * @returns {Promise<string>} the output when quiet, else an empty text
 */
export function run(command, args, { quiet = false, env = {} } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: root,
      env: { ...process.env, ...env },
      stdio: quiet ? ["ignore", "pipe", "pipe"] : ["ignore", "inherit", "inherit"],
    });
    const chunks = [];
    child.stdout?.on("data", (chunk) => chunks.push(chunk));
    child.stderr?.on("data", (chunk) => chunks.push(chunk));
    child.on("error", reject);
    child.on("close", (code, signal) => {
      const output = Buffer.concat(chunks).toString();
      if (code === 0) return resolve(output);
      const error = new Error(`${command} ${args.join(" ")}: ${signal ?? `exit code ${code}`}`);
      error.output = output;
      reject(error);
    });
  });
}

const seconds = (since) => `${((performance.now() - since) / 1000).toFixed(1)} s`;

/**
 * Runs named steps in order.
 *
 * @param {{name: string, needed?: boolean, run: () => Promise<void>}[]} steps after a needed step that
 *   fails the rest cannot be run
 * @returns {Promise<{name: string, outcome: "passed" | "failed" | "not run", time: string, why?: string}[]>}
 */
export async function carryOut(steps) {
  const results = [];
  let broken;
  for (const [index, step] of steps.entries()) {
    const title = `[${index + 1}/${steps.length}] ${step.name}`;
    if (broken !== undefined) {
      results.push({ name: step.name, outcome: "failed", time: "–", why: `needs "${broken}"` });
      continue;
    }
    console.log(`\n${title} …`);
    const since = performance.now();
    const pulse = setInterval(
      () => console.log(`    … ${step.name}: ${seconds(since)}`),
      PULSE_SECONDS * 1000,
    );
    try {
      await step.run();
      results.push({ name: step.name, outcome: "passed", time: seconds(since) });
      console.log(`${title}: passed (${seconds(since)})`);
    } catch (error) {
      const outcome = error instanceof NotRun ? "not run" : "failed";
      if (error.output) console.log(error.output);
      results.push({ name: step.name, outcome, time: seconds(since), why: error.message });
      console.log(`${title}: ${outcome}: ${error.message} (${seconds(since)})`);
      if (step.needed && outcome === "failed") broken = step.name;
    } finally {
      clearInterval(pulse);
    }
  }
  return results;
}
