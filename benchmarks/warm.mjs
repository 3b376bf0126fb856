// Warm: one execution after the other through the public API, against `docker exec` of the same program
// and against the bare start of the interpreter inside the same image.

import { Driver, idle, likeness, remove, USER } from "./lib/containers.mjs";
import { dockerExec } from "./lib/docker.mjs";
import { figure } from "./lib/figures.mjs";
import { DockerIsol8 } from "./lib/package.mjs";
import { check, PROGRAMS } from "./lib/programs.mjs";
import { mean, median, percentile, sleep, timed } from "./lib/stats.mjs";
import { BLOCK, THINK, thinking } from "./lib/thinking.mjs";

export const name = "warm";
export const title = "Warm: one execution after the other";

const TARGETS = {
  python: { exec: 1 / 12, bare: 0.45 },
  node: { exec: 1 / 12, bare: 0.2 },
  bun: { exec: 1 / 9, bare: 0.7 },
  deno: { exec: 1 / 12, bare: 0.4 },
  bash: { exec: 1 / 18, bare: 2 },
};

export async function run({ runtimes, rounds, log }) {
  const figures = [];
  for (const runtime of runtimes) {
    log(runtime);
    figures.push(...(await measure(runtime, rounds(6, 2))));
  }
  return figures;
}

async function measure(runtime, rounds) {
  const program = PROGRAMS[runtime];
  const like = await likeness(runtime);
  const engine = new DockerIsol8();
  const container = await idle(like, program);
  const driver = await Driver.open(like, program);
  const request = { runtime, code: program.code };
  const command = { argv: program.argv, env: like.env, user: USER, cwd: "/sandbox" };
  const viaEngine = () => timed(async () => check(await engine.execute(request)));
  const viaExec = () => timed(async () => check(await dockerExec(container, command)));
  const bare = async () => (await driver.bareStarts(1))[0];

  const think = { engine: [], exec: [], bare: [] };
  const loop = { engine: [], bare: [] };
  try {
    await engine.start({ prewarm: { runtimes: [runtime] } });
    for (const once of [viaEngine, viaExec, bare]) await thinking(once, 2);
    for (let round = 0; round < rounds; round += 1) {
      think.engine.push(...(await thinking(viaEngine, BLOCK)));
      think.exec.push(...(await thinking(viaExec, BLOCK / 2)));
      think.bare.push(...(await thinking(bare, BLOCK)));
      // Without pauses, the mean of a block counts, because the next execution pays for what one puts off.
      for (let turn = 0; turn < 2; turn += 1) {
        await sleep(THINK);
        const samples = [];
        for (let i = 0; i < BLOCK; i += 1) samples.push(await viaEngine());
        loop.engine.push(mean(samples));
        await sleep(THINK);
        loop.bare.push(mean(await driver.bareStarts(BLOCK)));
      }
    }
  } finally {
    await driver.close();
    await remove(container);
    await engine.stop();
  }
  return figuresOf(runtime, think, loop);
}

function figuresOf(runtime, think, loop) {
  const unit = "ms";
  const p50 = median(think.engine);
  const targets = TARGETS[runtime];
  const loopBare = median(loop.bare);
  return [
    figure({
      name: "warm p50, think 200 ms",
      runtime,
      value: p50,
      unit,
      against: { name: "docker exec p50, think", value: median(think.exec) },
      target: { most: targets.exec },
    }),
    figure({
      name: "warm p50, think 200 ms",
      runtime,
      value: p50,
      unit,
      against: { name: "bare start p50, think", value: median(think.bare) },
      target: { most: targets.bare },
    }),
    figure({
      name: "warm p50, think 200 ms",
      runtime,
      value: p50,
      unit,
      against: { name: "bare start, in a loop", value: loopBare },
    }),
    figure({
      name: "warm p95, think 200 ms",
      runtime,
      value: percentile(think.engine, 0.95),
      unit,
      against: { name: "warm p50", value: p50 },
      target: { most: 2 },
    }),
    figure({
      name: "back to back",
      runtime,
      value: median(loop.engine),
      unit,
      against: { name: "bare start, in a loop", value: loopBare },
      target: { most: 1.1 },
    }),
  ];
}
