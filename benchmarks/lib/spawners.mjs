// The processes that make local sandboxes.

import { readdirSync, readFileSync } from "node:fs";
import { sleep } from "./stats.mjs";

/** Longest wait for their end, in milliseconds. */
const PATIENCE = 10_000;

/** Returns the text of a file of the system's, or nothing when its process has ended. */
export function read(path) {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

/** Returns the process above each of the machine's processes. */
export function parents() {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  const parent = (pid) => read(`/proc/${pid}/stat`).split(") ").at(-1).split(" ")[1];
  return new Map(pids.map((pid) => [pid, parent(pid)]));
}

/**
 * Waits until this process has none. An engine that was stopped keeps its own until it is collected. Returns false when that
 * takes too long.
 */
export async function spawnersEnd() {
  const isSpawner = ([pid, parent]) =>
    parent === String(process.pid) && read(`/proc/${pid}/cmdline`).endsWith("\0spawner\0");
  for (const since = performance.now(); performance.now() - since < PATIENCE; ) {
    globalThis.gc();
    await sleep(20);
    if (![...parents()].some(isSpawner)) return true;
  }
  return false;
}
