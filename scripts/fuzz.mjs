// Runs the fuzz targets of `fuzz/` from their kept corpus, with libFuzzer.
//
// node scripts/fuzz.mjs [SECONDS [TARGET…]]   (10 seconds for each target when not given)
//
// It needs no cargo-fuzz. With cargo-fuzz, RUSTC_BOOTSTRAP=1 cargo fuzz run TARGET does the same, and finds wrong
// accesses to memory as well.

import { existsSync, readdirSync } from "node:fs";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { NotRun, root, run } from "./steps.mjs";

/**
 * Flags with which libFuzzer sees the code that an input reaches. cargo-fuzz passes the same. They work with the stable
 * compiler.
 */
const COVERAGE = [
  "-Cpasses=sancov-module",
  "-Cllvm-args=-sanitizer-coverage-level=4",
  "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
  "-Cllvm-args=-sanitizer-coverage-pc-table",
  "-Cllvm-args=-sanitizer-coverage-trace-compares",
  "--cfg fuzzing",
];

/** Longest input in bytes. Longer inputs reach no other code, and take more time. */
const MAX_LENGTH = 4096;

/** Seconds for one input, above which it counts as a hang. */
const HANG_SECONDS = 20;

const TARGETS = readdirSync(`${root}/fuzz/fuzz_targets`).map((file) => file.replace(/\.rs$/, ""));

/** Throws `NotRun` where the targets cannot be built. */
async function checkTools() {
  if (process.platform === "win32") throw new NotRun("libFuzzer needs Linux or macOS");
  try {
    await run("c++", ["--version"], { quiet: true });
  } catch {
    throw new NotRun("libFuzzer needs a C++ compiler, and c++ does not start");
  }
}

/** Builds the targets. Returns the folder of their programs. */
async function build() {
  const version = await run("rustc", ["-vV"], { quiet: true });
  const target = /^host: (.*)$/m.exec(version)[1];
  // A folder of its own: with other flags in the same folder, the next build of everything else would start afresh.
  const folder = `${root}/target/fuzz`;
  const words = ["build", "--quiet", "--package", "isol8-fuzz", "--profile", "fuzz"];
  await run("cargo", [...words, "--target", target, "--target-dir", folder], {
    // No target starts a guest, so none is built.
    env: {
      RUSTFLAGS: COVERAGE.join(" "),
      CARGO_ENCODED_RUSTFLAGS: undefined,
      ISOL8_GUEST: "/dev/null",
    },
  });
  return `${folder}/${target}/fuzz`;
}

/**
 * Runs each target. A finding is kept in `fuzz/artifacts/`, and named in the error.
 *
 * @param {number} seconds for each target
 * @param {string[]} targets
 * @returns {Promise<{passed: number, notRun: string[]}>} how many targets found nothing
 */
export async function fuzz(seconds = 10, targets = TARGETS) {
  await checkTools();
  const programs = await build();
  for (const target of targets) {
    const corpus = `${root}/fuzz/corpus/${target}`;
    const artifacts = `${root}/fuzz/artifacts/${target}/`;
    const dictionary = `${root}/fuzz/${target}.dict`;
    await mkdir(artifacts, { recursive: true });
    // New inputs go here: the kept corpus changes only on purpose.
    const found = await mkdtemp(join(tmpdir(), `isol8-fuzz-${target}-`));
    try {
      const output = await run(
        `${programs}/${target}`,
        [
          `-max_total_time=${seconds}`,
          `-max_len=${MAX_LENGTH}`,
          `-timeout=${HANG_SECONDS}`,
          `-artifact_prefix=${artifacts}`,
          "-print_final_stats=1",
          ...(existsSync(dictionary) ? [`-dict=${dictionary}`] : []),
          found,
          corpus,
        ],
        { quiet: true },
      );
      const [, inputs] = /stat::number_of_executed_units: (\d+)/.exec(output);
      console.log(`${target}: ${inputs} inputs`);
      if (Number(inputs) <= readdirSync(corpus).length)
        throw new Error(`${target} tried nothing new`);
    } finally {
      await rm(found, { recursive: true, force: true });
    }
  }
  return { passed: targets.length, notRun: [] };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [seconds, ...targets] = process.argv.slice(2);
  const unknown = targets.filter((target) => !TARGETS.includes(target));
  if (unknown.length > 0) {
    console.error(`[ERR] no target ${unknown.join(", ")}; there are: ${TARGETS.join(", ")}`);
    process.exit(1);
  }
  await fuzz(seconds ? Number(seconds) : undefined, targets.length > 0 ? targets : undefined);
}
