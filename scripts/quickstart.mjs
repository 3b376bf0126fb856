// npm run quickstart: builds everything in a fresh clone and runs code in every runtime.

import { build, docker, images, tools } from "./machine.mjs";
import { carryOut, root } from "./steps.mjs";

/** Number of executions after the first one, and of warm ones. The printed figures are their medians. */
const NEXT_RUNS = 9;

/** Pause before each warm execution, in milliseconds, as between the calls of somebody who thinks. */
const THINK_MS = 200;

const PROGRAMS = {
  python: "import sys\nprint('hello from Python', sys.version.split()[0])",
  node: "console.log('hello from Node.js', process.versions.node)",
  bun: "console.log('hello from Bun', Bun.version)",
  deno: "console.log('hello from Deno', Deno.version.deno)",
  bash: 'echo "hello from Bash $BASH_VERSION"',
};

/** Runs the steps. Ends the program at the first that did not pass. */
async function pass(steps) {
  const failed = (await carryOut(steps)).filter(({ outcome }) => outcome !== "passed");
  if (failed.length === 0) return;
  console.error(`\n[ERR] quickstart stopped at: ${failed[0].name}: ${failed[0].why}`);
  process.exit(1);
}

/** Runs a program. Returns its standard output and the duration of the call in milliseconds. */
async function timed(engine, runtime, code) {
  const since = performance.now();
  const result = await engine.execute({ runtime, code });
  const ms = performance.now() - since;
  if (result.exitCode !== 0) throw new Error(`${runtime}: ${result.stderr}`);
  return { stdout: result.stdout, ms };
}

/** The median of several durations, each after a pause. */
async function repeated(once, pauseMs) {
  const durations = [];
  for (let run = 0; run < NEXT_RUNS; run += 1) {
    if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs));
    durations.push(await once());
  }
  durations.sort((a, b) => a - b);
  return durations[Math.floor(NEXT_RUNS / 2)];
}

/** Runs one program of each runtime, cold and warm, in engines with these options. `failed` gets errors. */
async function show(options, failed) {
  const { Isol8 } = await import(`${root}/index.js`);
  console.log(
    `Three times: the first call, calls 2 to ${NEXT_RUNS + 1} without a pause (median), and warm calls with ` +
      `${THINK_MS} ms between them (median)\n`,
  );
  for (const [runtime, code] of Object.entries(PROGRAMS)) {
    const engine = new Isol8(options);
    try {
      const cold = await timed(engine, runtime, code);
      const once = async () => (await timed(engine, runtime, code)).ms;
      const next = await repeated(once, 0);
      const warm = await repeated(once, THINK_MS);
      const figures = `${cold.ms.toFixed(0)} ms, ${next.toFixed(1)} ms, ${warm.toFixed(1)} ms`;
      console.log(`${runtime.padEnd(7)} ${cold.stdout.padEnd(36)} ${figures}`);
    } catch (error) {
      failed(runtime, error);
    } finally {
      await engine.stop();
    }
  }
}

await pass([tools, build]);

// A machine may lack what local sandboxes need, or a runtime. Docker comes next, so that this is no failure.
console.log("\nRunning code in local sandboxes, without Docker …\n");
await show({ backend: "local" }, (runtime, { message }) => {
  console.log(`${runtime.padEnd(7)} not run: ${message}`);
});

await pass([docker, images]);

console.log("\nRunning code in Docker containers …\n");
await show({ backend: "docker" }, (_, error) => {
  throw error;
});
