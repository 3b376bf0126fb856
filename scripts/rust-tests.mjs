// Runs Rust's tests. Counts the tests that passed and those that could not run.

import { NotRun, run } from "./steps.mjs";
import { hostTarget } from "./target.mjs";

/** Minutes after which a run of tests is killed. The first one compiles them. */
const MINUTES = 40;

/** One line for each test program. */
const RESULT = /^test result: \w+\. (\d+) passed; (\d+) failed; (\d+) ignored;/gm;

// The runner's marks of earlier tests, `.` and `i`, may stand before a line of `isol8_testing`.

/** A line of `isol8_testing` about a test that cannot run on this machine. */
const NOT_RUN = /^[.i]*not run: (.*)$/gm;

/** A line of `isol8_testing` about tests that run only inside a network namespace. */
const INSIDE = /^[.i]*in a network namespace: (\d+) tests/gm;

/** A line of `isol8_testing` about an ignored test that another test has run. It may have run it several times. */
const ELSEWHERE = /^[.i]*ran elsewhere: (.*)$/gm;

/**
 * Counts the tests in the output of `cargo test`.
 *
 * @param {string} output
 * @returns {{passed: number, notRun: string[]}} the number of tests that passed, and the reasons of those that did not run
 */
export function counted(output) {
  const results = [...output.matchAll(RESULT)];
  const sum = (column) => results.reduce((total, match) => total + Number(match[column]), 0);
  const elsewhere = new Set([...output.matchAll(ELSEWHERE)].map(([, name]) => name));
  const inside = [...output.matchAll(INSIDE)].reduce(
    (total, [, tests]) => total + Number(tests),
    elsewhere.size,
  );
  const notRun = [...output.matchAll(NOT_RUN)].map(([, what]) => what);
  const ignored = sum(3);
  if (ignored > inside) notRun.push(`${ignored - inside} ignored tests`);
  // A test that ran in several namespaces is one test.
  return { passed: sum(1) + Math.min(inside, ignored), notRun };
}

/**
 * Runs the tests of the workspace that match the filter.
 *
 * @param {string[]} filter arguments for the test programs
 * @returns {Promise<{passed: number, notRun: string[]}>}
 */
export async function rustTests(...filter) {
  // Always the whole workspace, so that no step compiles dependencies once more with other features.
  // The target is named, as for the addon, so that both share what they have in common.
  const crates = ["--workspace", "--target", hostTarget()];
  const words = ["test", ...crates, "--quiet", "--no-fail-fast", "--", ...filter];
  const result = counted(await run("cargo", words, { watched: true, minutes: MINUTES }));
  if (result.passed === 0 && result.notRun.length > 0) throw new NotRun(result.notRun.join("; "));
  if (result.passed === 0) throw new Error(`no test is chosen by ${filter.join(" ")}`);
  return result;
}
