// Runs Rust's tests and counts them: what passed, and what did not run although it was asked for.

import { NotRun, run } from "./steps.mjs";

/** One line for each test program. */
const RESULT = /^test result: \w+\. (\d+) passed; (\d+) failed; (\d+) ignored;/gm;

/** What `isol8_testing` says of tests that cannot run on this machine. */
const NOT_RUN = /^not run: (.*)$/gm;

/** What `isol8_testing` says of tests that are ignored where there is no network of their own. */
const INSIDE = /^in a network namespace: (\d+) tests/gm;

/**
 * What the output of `cargo test` says.
 *
 * @param {string} output
 * @returns {{passed: number, notRun: string[]}} how many tests passed, and what did not run and why
 */
export function counted(output) {
  const results = [...output.matchAll(RESULT)];
  const sum = (column) => results.reduce((total, match) => total + Number(match[column]), 0);
  const inside = [...output.matchAll(INSIDE)].reduce(
    (total, [, tests]) => total + Number(tests),
    0,
  );
  const notRun = [...output.matchAll(NOT_RUN)].map(([, what]) => what);
  const ignored = sum(3) - inside;
  if (ignored > 0) notRun.push(`${ignored} ignored tests`);
  return { passed: sum(1) + inside, notRun };
}

/**
 * Runs the tests of the workspace that the filter chooses.
 *
 * @param {string[]} filter arguments for the test programs
 * @returns {Promise<{passed: number, notRun: string[]}>}
 */
export async function rustTests(...filter) {
  // Always the whole workspace, so that no step compiles dependencies once more with other features.
  const words = ["test", "--workspace", "--quiet", "--no-fail-fast", "--", ...filter];
  const result = counted(await run("cargo", words, { watched: true }));
  if (result.passed === 0 && result.notRun.length > 0) throw new NotRun(result.notRun.join("; "));
  if (result.passed === 0) throw new Error(`no test is chosen by ${filter.join(" ")}`);
  return result;
}
