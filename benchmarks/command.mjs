// The command: what its start costs, and a run against Docker's own.

import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { figure, notMeasured } from "./lib/figures.mjs";
import { check, PROGRAMS } from "./lib/programs.mjs";
import { median, sleep, timed } from "./lib/stats.mjs";

export const name = "command";
export const title = "Command: a process, and a run";

const execute = promisify(execFile);
const { PLATFORMS } = createRequire(import.meta.url)("../lib/platform.cjs");

/** Pause before each run, in milliseconds. The daemon finishes earlier removals meanwhile. */
const SETTLE = 250;

/** Starts of one variant before the turn of the next. A single start is too short to time well. */
const STARTS = 10;

const folder = process.env.ISOL8_BENCHMARK_PACKAGE;
const file = (path) =>
  folder ? `${folder}/${path}` : fileURLToPath(new URL(`../${path}`, import.meta.url));

/** Returns the program of this checkout, if it was built. */
const program = () => PLATFORMS.map((name) => file(`isol8.${name}.bin`)).find(existsSync);

export async function run({ runtimes, rounds, log }) {
  const isol8 = program();
  if (isol8 === undefined) return [notMeasured("start", "the program is not built")];
  log("starts");
  const figures = await starts(isol8, rounds(20, 5));
  for (const runtime of runtimes) {
    log(runtime);
    figures.push(await runs(isol8, runtime, rounds(12, 4)));
  }
  return figures;
}

/** Times variants in turns. Returns the median of each, in milliseconds. */
async function inTurns(variants, rounds, pause) {
  const samples = Object.fromEntries(Object.keys(variants).map((name) => [name, []]));
  for (let round = -1; round < rounds; round += 1) {
    for (const [name, variant] of Object.entries(variants)) {
      await sleep(pause);
      const ms = await timed(variant);
      // The first round fills caches.
      if (round >= 0) samples[name].push(ms);
    }
  }
  return Object.fromEntries(Object.entries(samples).map(([name, list]) => [name, median(list)]));
}

async function starts(isol8, rounds) {
  const launcher = file("bin/isol8.cjs");
  const repeated =
    (...words) =>
    async () => {
      for (let count = 0; count < STARTS; count += 1) await execute(words[0], words.slice(1));
    };
  const medians = await inTurns(
    {
      nothing: repeated("true"),
      version: repeated(isol8, "--version"),
      launched: repeated(launcher, "--version"),
      node: repeated(process.execPath, "-e", "0"),
      beside: repeated(process.execPath, launcher, "--version"),
    },
    rounds,
    0,
  );
  const of = (name) => medians[name] / STARTS;
  return [
    figure({
      name: "isol8 --version",
      value: of("version"),
      unit: "ms",
      against: { name: "true", value: of("nothing") },
      target: { most: 3 },
    }),
    figure({
      name: "the same through the launcher",
      value: of("launched"),
      unit: "ms",
      against: { name: "true", value: of("nothing") },
    }),
    figure({
      name: "launcher in the shell, over node -e 0",
      value: of("launched") - of("node"),
      unit: "ms",
      target: { most: 5 },
    }),
    figure({
      name: "launcher in Node, without the program, over node -e 0",
      value: of("beside") - of("version") - of("node"),
      unit: "ms",
    }),
  ];
}

async function runs(isol8, runtime, rounds) {
  const { code, file: path, argv } = PROGRAMS[runtime];
  const docker = [
    ...["run", "--rm", "--network", "none", "--read-only", "--tmpfs", "/sandbox:exec,uid=100"],
    ...["--user", "100:101", "--workdir", "/sandbox", "--entrypoint", "bash", `isol8:${runtime}`],
    ...["-c", 'printf %s "$1" >"$2"; shift 2; exec "$@"', "bash", code, path, ...argv],
  ];
  const checked = async (command, words) =>
    check({ ...(await execute(command, words)), exitCode: 0 });
  const medians = await inTurns(
    {
      isol8: () => checked(isol8, ["run", "-e", code, "-r", runtime]),
      docker: () => checked("docker", docker),
    },
    rounds,
    SETTLE,
  );
  return figure({
    name: "isol8 run -e",
    runtime,
    value: medians.isol8,
    unit: "ms",
    against: { name: "docker run --rm", value: medians.docker },
    target: { most: 0.8 },
  });
}
