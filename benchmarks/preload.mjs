// Preload: a pandas program with `preload`, against the same program without.

import { readFileSync } from "node:fs";
import { figure, notMeasured } from "./lib/figures.mjs";
import { DockerIsol8 } from "./lib/package.mjs";
import { pandasImage } from "./lib/pandas.mjs";
import { check } from "./lib/programs.mjs";
import { median, sleep, timed } from "./lib/stats.mjs";

export const name = "preload";
export const title = "Preload: a pandas program";

const RUNTIME = "python";
const FIGURE = "warm p50 with preload";
const THINK = 200;

/** Number of executions of one variant before the turn of the other. */
const BLOCK = 5;

const PROGRAM = `import io, pandas
table = pandas.read_csv(io.StringIO("city,sold\\nRome,3\\nOslo,5\\nRome,4\\n"))
print(table.groupby("city")["sold"].sum().to_dict())
`;

/** Checks the types for the option, because an engine ignores unknown options. */
function hasPreload() {
  const types = new URL("../types/execution.d.cts", import.meta.url);
  return /\bpreload\b/.test(readFileSync(types, "utf8"));
}

export async function run({ runtimes, rounds, log }) {
  if (!runtimes.includes(RUNTIME)) return [];
  if (!hasPreload()) return [notMeasured(FIGURE, "the engine has no preload", RUNTIME)];
  let image;
  try {
    image = await pandasImage(log);
  } catch (error) {
    return [notMeasured(FIGURE, `no image with pandas: ${error.message}`, RUNTIME)];
  }
  log("measuring");
  return [await measure(image, rounds(5, 2))];
}

async function measure(image, rounds) {
  const engines = { plain: new DockerIsol8({ image }), preload: new DockerIsol8({ image }) };
  const prewarms = {
    plain: { runtimes: [RUNTIME] },
    preload: { runtimes: [RUNTIME], preload: { [RUNTIME]: ["pandas"] } },
  };
  const samples = { plain: [], preload: [] };
  try {
    for (let round = 0; round <= rounds; round += 1) {
      for (const variant of Object.keys(engines)) {
        if (round === 0) await engines[variant].start({ prewarm: prewarms[variant] });
        for (let i = 0; i <= BLOCK; i += 1) {
          await sleep(THINK);
          const ms = await timed(async () =>
            check(
              await engines[variant].execute({ runtime: RUNTIME, code: PROGRAM }),
              "{'Oslo': 5, 'Rome': 7}",
            ),
          );
          // The first round and the first run of a block are warm-up.
          if (round > 0 && i > 0) samples[variant].push(ms);
        }
      }
    }
  } finally {
    await Promise.all(Object.values(engines).map((engine) => engine.stop()));
  }
  return figure({
    name: FIGURE,
    runtime: RUNTIME,
    value: median(samples.preload),
    unit: "ms",
    against: { name: "without", value: median(samples.plain) },
    target: { most: 1 / 20 },
  });
}
