// Two checkouts in turns: the benchmarks of this one with the package of each, and one table of both.

import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { number } from "./figures.mjs";
import { mean } from "./stats.mjs";

const RUN = fileURLToPath(new URL("../run.mjs", import.meta.url));

/** Whose turn it is. A change of the machine over time touches both alike. */
const TURNS = ["before", "now", "now", "before"];

const HEADER = ["", "what", "before", "now", "now / before", "range"];

/** Returns the folder of another checkout. Throws when its package cannot be used. */
export function checkout(folder) {
  const path = resolve(folder);
  if (!existsSync(join(path, "index.js"))) throw new Error(`${folder} is no checkout of isol8`);
  return path;
}

/** Returns the figures of one benchmark with the package in `folder` (undefined: this checkout's). */
function figures(words, folder) {
  const env = { ...process.env, ISOL8_BENCHMARK_PACKAGE: folder ?? "" };
  return new Promise((done, failed) => {
    const child = spawn(process.execPath, [RUN, "--json", ...words], {
      env,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (data) => {
      stdout += data;
    });
    child.stderr.on("data", (data) => {
      stderr += data;
    });
    child.on("error", failed);
    child.on("close", (code) => {
      if (code === 0) done(Object.values(JSON.parse(stdout).benchmarks).flat());
      else failed(new Error(`with ${folder ?? "this checkout"}: ${stderr}`));
    });
  });
}

/** Returns the rows of a benchmark: each figure of both, and how they compare. */
function rows(turns) {
  const byName = new Map();
  for (const [turn, list] of turns) {
    for (const { runtime = "", name, value, unit } of list) {
      if (value === undefined) continue; // Not measured on this machine.
      const key = `${runtime} ${name}`;
      const entry = byName.get(key) ?? { runtime, name, unit, before: [], now: [] };
      entry[turn].push(value);
      byName.set(key, entry);
    }
  }
  // What only one of the two can do has nothing to be compared with.
  const both = [...byName.values()].filter(({ before, now }) => before.length * now.length > 0);
  return both.map(({ runtime, name, unit, before, now }) => {
    const ratio = mean(now) / mean(before);
    const least = Math.min(...now) / Math.max(...before);
    const most = Math.max(...now) / Math.min(...before);
    return [
      runtime,
      name,
      `${number(mean(before))} ${unit}`,
      `${number(mean(now))} ${unit}`,
      number(ratio),
      `${number(least)} … ${number(most)}`,
    ];
  });
}

/**
 * Runs each benchmark twice with each package, in turns.
 *
 * @param {string} folder the other checkout
 * @param {string[]} names of benchmarks
 * @param {string[]} words options of every run
 * @param {(text: string) => void} log progress
 * @returns {Promise<string[][]>} a header and a row for each figure
 */
export async function compare(folder, names, words, log) {
  const table = [HEADER];
  for (const name of names) {
    const turns = [];
    for (const [index, turn] of TURNS.entries()) {
      log(`${name}, ${turn}, turn ${index + 1} of ${TURNS.length}`);
      const list = await figures(
        ["--only", name, ...words],
        turn === "before" ? folder : undefined,
      );
      turns.push([turn, list]);
    }
    table.push(...rows(turns));
  }
  return table;
}
