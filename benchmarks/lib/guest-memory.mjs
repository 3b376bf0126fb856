// Resident memory of the guest in a container.

import { readFileSync } from "node:fs";
import { docker, inspect } from "./docker.mjs";

export const MIB_IN_KIB = 1024;

/** Returns the resident memory of a process in KiB, from this host's /proc or else from Docker. */
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

/** Returns the memory of the guest in a container, in MiB, or false or undefined when it has ended. */
export async function guestMemory(container) {
  const found = await inspect(container);
  return found?.State.Running && (await resident(container, found.State.Pid)) / MIB_IN_KIB;
}
