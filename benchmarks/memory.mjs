// Memory: of the guest, of the host for each idle warm sandbox, and whether either grows.

import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { docker, inspect } from "./lib/docker.mjs";
import { figure } from "./lib/figures.mjs";
import { DockerIsol8 } from "./lib/package.mjs";
import { check, PROGRAMS } from "./lib/programs.mjs";
import { sleep } from "./lib/stats.mjs";

export const name = "memory";
export const title = "Memory";

const MIB_IN_KIB = 1024;

export async function run({ runtimes, quick, long, log }) {
  const figures = [];
  for (const runtime of runtimes) {
    log(`guest, ${runtime}`);
    figures.push(await guest(runtime));
  }
  log("idle sandboxes");
  figures.push(await perSandbox(quick ? 8 : 24));
  figures.push(...(await growth(quick ? 400 : long ? 10_000 : 2000, log)));
  return figures;
}

/** Resident memory of a process in KiB: as this host sees it, or else as Docker does. */
async function resident(container, pid) {
  try {
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)[1]);
  } catch {
    const args = encodeURIComponent("-o pid,rss");
    const { Processes } = await docker("GET", `/containers/${container}/top?ps_args=${args}`);
    const row = Processes.find(([id]) => Number(id) === pid);
    if (!row) throw new Error(`no process ${pid} in container ${container}`);
    return Number(row[1]);
  }
}

/** Of the guest in a container, in MiB; false or undefined when that has ended. */
async function guestMemory(container) {
  const found = await inspect(container);
  return found?.State.Running && (await resident(container, found.State.Pid)) / MIB_IN_KIB;
}

/** The guest after ten runs, when it is idle. */
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

/** Measured in a Node process of its own, whose memory nothing else moves. */
async function perSandbox(count) {
  const script = fileURLToPath(new URL("lib/idle-memory.mjs", import.meta.url));
  const args = ["--expose-gc", script, String(count)];
  const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 300_000 });
  return figure({
    name: `host, per idle sandbox (${count})`,
    value: Number(stdout),
    unit: "KiB",
    target: { most: 64 },
  });
}

/** Resident memory of this process in MiB, after garbage was collected (run.mjs exposes `gc`). */
async function own() {
  for (let i = 0; i < 3; i += 1) {
    globalThis.gc();
    await sleep(30);
  }
  return process.memoryUsage.rss() / 1024 / 1024;
}

/** Growth in KiB an execution that counts as none: pages come and go. */
const NO_GROWTH = 0.1;

/** Growth in MiB that is noise however short the run is. */
const NOISE = 0.5;

/** Growth from the end of the first quarter, when all is warm, to the end of the run. */
async function growth(executions, log) {
  const engine = new DockerIsol8();
  const request = { runtime: "bash", code: PROGRAMS.bash.code };
  const quarter = Math.ceil(executions / 4);
  const readings = [];
  const used = new Set();
  let guests = [];
  try {
    for (let i = 1; i <= executions; i += 1) {
      const result = await engine.execute(request);
      check(result);
      used.add(result.containerId);
      if (i % quarter === 0 || i === executions) {
        log(`${i} of ${executions} executions`);
        readings.push(await own());
      }
    }
    const left = await Promise.all([...used].map(guestMemory));
    guests = left.filter(Boolean);
    if (guests.length === 0) throw new Error("no sandbox is left");
  } finally {
    await engine.stop();
  }
  const most = ((executions - quarter) * NO_GROWTH) / MIB_IN_KIB;
  return [
    figure({
      name: `guest, resident after ${executions} executions`,
      value: Math.max(...guests),
      unit: "MiB",
      target: { most: 2 },
    }),
    figure({
      name: `host, growth over ${executions} executions`,
      value: readings.at(-1) - readings[0],
      unit: "MiB",
      target: { most: Math.max(most, NOISE) },
    }),
  ];
}
