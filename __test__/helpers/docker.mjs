// Looks at our containers from outside, through the `docker` command.

import { execFile } from "node:child_process";
import { promisify } from "node:util";

/** Runs a command. Resolves with its output. */
export const run = promisify(execFile);

export async function docker(...args) {
  const { stdout } = await run("docker", args, { maxBuffer: 64 << 20 });
  return stdout.trim();
}

/** Returns the output of docker inspect for a container, or `null` when it does not exist. */
export async function inspect(id) {
  try {
    return JSON.parse(await docker("inspect", "--type", "container", id))[0];
  } catch (error) {
    if (/no such container/i.test(error.stderr)) return null;
    throw error;
  }
}

/** Returns the ids of containers with this memory limit (see `uniqueMemory`), including ended ones. */
export async function containersWithMemory(bytes) {
  return (await statesWithMemory(bytes)).map(({ id }) => id);
}

/** The same, with the state of each container, such as "running". */
export async function statesWithMemory(bytes) {
  const ids = (await docker("ps", "-aq", "--no-trunc", "--filter", "label=isol8.managed=true"))
    .split("\n")
    .filter(Boolean);
  const all = await Promise.all(ids.map(inspect));
  return all
    .filter((container) => container?.HostConfig.Memory === bytes)
    .map((container) => ({ id: container.Id, state: container.State.Status }));
}
