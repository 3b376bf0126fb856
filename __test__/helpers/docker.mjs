// The Docker daemon as seen from outside, through its command line: what our containers are made of
// and whether they are there.

import { execFile } from "node:child_process";
import { promisify } from "node:util";

const run = promisify(execFile);

export async function docker(...args) {
  const { stdout } = await run("docker", args, { maxBuffer: 64 << 20 });
  return stdout.trim();
}

/** What Docker knows of a container; `null` when there is none (any more). */
export async function inspect(id) {
  try {
    return JSON.parse(await docker("inspect", "--type", "container", id))[0];
  } catch (error) {
    if (/no such container/i.test(error.stderr)) return null;
    throw error;
  }
}

/** Ids of the existing containers with this memory limit (see `uniqueMemory`), ended ones included. */
export async function containersWithMemory(bytes) {
  return (await statesWithMemory(bytes)).map(({ id }) => id);
}

/** The same with the state of each, such as "running". */
export async function statesWithMemory(bytes) {
  const ids = (await docker("ps", "-aq", "--no-trunc", "--filter", "label=isol8.managed=true"))
    .split("\n")
    .filter(Boolean);
  const all = await Promise.all(ids.map(inspect));
  return all
    .filter((container) => container?.HostConfig.Memory === bytes)
    .map((container) => ({ id: container.Id, state: container.State.Status }));
}
