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
 * When watched, it shows the output and keeps it, too. Kills a command that takes longer than its limit in minutes.
 *
 * @param {string} command
 * @param {string[]} args
 * @param {{quiet?: boolean, watched?: boolean, minutes?: number, env?: Record<string, string | undefined>}} options
 * @returns {Promise<string>} the output when quiet or watched, else an empty text
 */
export function run(command, args, { quiet = false, watched = false, minutes, env = {} } = {}) {
  return new Promise((resolve, reject) => {
    const output = quiet || watched ? "pipe" : "inherit";
    const child = spawn(command, args, {
      cwd: root,
      env: { ...process.env, ...env },
      stdio: ["ignore", output, output],
    });
    const chunks = [];
    for (const name of ["stdout", "stderr"]) {
      child[name]?.on("data", (chunk) => {
        chunks.push(chunk);
        if (watched) process[name].write(chunk);
      });
    }
    const fail = (why) => {
      const error = new Error(`${command} ${args.join(" ")}: ${why}`);
      if (quiet) error.output = Buffer.concat(chunks).toString();
      reject(error);
    };
    const late = () => {
      child.kill("SIGKILL");
      // Processes that the command has left behind may keep its pipes open for ever.
      for (const name of ["stdout", "stderr"]) child[name]?.destroy();
      fail(`killed after ${minutes} minutes`);
    };
    const timer = minutes === undefined ? undefined : setTimeout(late, minutes * 60_000);
    child.on("error", reject);
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      if (code === 0) return resolve(Buffer.concat(chunks).toString());
      fail(signal ?? `exit code ${code}`);
    });
  });
}

const seconds = (since) => `${((performance.now() - since) / 1000).toFixed(1)} s`;

/** Tests as a step counts them, for people. */
function inWords({ passed, notRun }) {
  return [`${passed} tests`, ...notRun.map((what) => `not run: ${what}`)].join("; ");
}

/**
 * Runs named steps in order. A step that runs tests returns how many passed, and what did not run.
 *
 * @typedef {{passed: number, notRun: string[]}} Tests
 * @typedef {{name: string, outcome: "passed" | "failed" | "not run", time: string, why?: string, tests?: Tests}} Result
 * @param {{name: string, needed?: boolean, run: () => Promise<Tests | undefined>}[]} steps after a needed
 *   step that fails the rest cannot be run
 * @returns {Promise<Result[]>}
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
      const returned = await step.run();
      // Other steps return what their command printed.
      const tests = returned?.notRun ? returned : undefined;
      const why = tests && inWords(tests);
      results.push({ name: step.name, outcome: "passed", time: seconds(since), why, tests });
      console.log(`${title}: passed (${seconds(since)})${why ? `: ${why}` : ""}`);
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
