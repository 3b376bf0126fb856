// Memory: of the guest, of the host for each idle warm sandbox, and the growth of both.

import { figure } from "./lib/figures.mjs";
import { guestMemory, MIB_IN_KIB } from "./lib/guest-memory.mjs";
import { measured } from "./lib/measured.mjs";
import { DockerIsol8 } from "./lib/package.mjs";
import { check, PROGRAMS } from "./lib/programs.mjs";
import { median, sleep } from "./lib/stats.mjs";

export const name = "memory";
export const title = "Memory";

export async function run({ runtimes, quick, log }) {
  const figures = [];
  for (const runtime of runtimes) {
    log(`guest, ${runtime}`);
    figures.push(await guest(runtime));
  }
  log("idle sandboxes");
  figures.push(await perSandbox(quick ? 8 : 24));
  log("executions in a row");
  figures.push(...(await (quick ? growth(1, 1000) : growth(3, 10_000))));
  return figures;
}

/** Measures the guest after ten executions, when it is idle. */
async function guest(runtime) {
  const engine = new DockerIsol8();
  try {
    let id;
    for (let i = 0; i < 10; i += 1) {
      const result = await engine.execute({ runtime, code: PROGRAMS[runtime].code });
      check(result);
      id = result.containerId;
    }
    await sleep(500);
    const value = await guestMemory(id);
    return figure({
      name: "guest, resident",
      runtime,
      value,
      unit: "MiB",
      target: { most: 2 },
    });
  } finally {
    await engine.stop();
  }
}

async function perSandbox(count) {
  return figure({
    name: `host, per idle sandbox (${count})`,
    value: await measured("idle-memory", count),
    unit: "KiB",
    target: { most: 64 },
  });
}

/** Growth in KiB per execution that counts as none, because pages come and go. */
const NO_GROWTH = 0.1;

/** Growth in MiB that counts as none, however short the run is. */
const NOISE = 0.5;

/** Measures growth over `executions` in each of `processes` processes. */
async function growth(processes, executions) {
  const readings = [];
  for (let i = 0; i < processes; i += 1) readings.push(await measured("growth", executions));
  return [
    figure({
      name: `guest, resident after ${executions} executions`,
      value: Math.max(...readings.map(({ guest }) => guest)),
      unit: "MiB",
      target: { most: 2 },
    }),
    figure({
      name: `host, growth over ${executions} executions`,
      value: median(readings.map(({ host }) => host)),
      unit: "MiB",
      target: { most: Math.max((executions * NO_GROWTH) / MIB_IN_KIB, NOISE) },
    }),
  ];
}
