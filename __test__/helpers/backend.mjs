// The backend that the tests are run for, and what of its sandboxes can be seen from outside.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { docker, inspect } from "./docker.mjs";

/** `docker`, or `local` when `ISOL8_TEST_BACKEND` says so. */
export const backend = process.env.ISOL8_TEST_BACKEND ?? "docker";

/** For tests of what only Docker's sandboxes have. */
export const onlyDocker = {
  skip: backend === "docker" ? false : "only Docker's sandboxes have this",
};

/** For tests that need the interpreter of a runtime. Local sandboxes have those of this machine. */
export const needs = (runtime) => ({
  skip:
    backend === "docker" || existsSync(`/usr/bin/${runtime}`)
      ? false
      : `this machine has no /usr/bin/${runtime}`,
});

/** The processes of this machine: number, parent, and command line. Without those that have ended. */
function processes() {
  const numbers = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return numbers.flatMap((name) => {
    try {
      const stat = readFileSync(`/proc/${name}/stat`, "utf8");
      const [state, parent] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      const command = readFileSync(`/proc/${name}/cmdline`, "utf8").replaceAll("\0", " ");
      return state === "Z" ? [] : [{ number: Number(name), parent: Number(parent), command }];
    } catch {
      return []; // It has ended meanwhile.
    }
  });
}

/** The process that made a local sandbox, from the sandbox's id. */
const spawnerOf = (id) => Number(id.split("-")[1]);

/** The processes below another one. */
function descendants(of) {
  const all = processes();
  const found = [];
  const parents = [of];
  for (const parent of parents) {
    for (const process of all.filter((process) => process.parent === parent)) {
      found.push(process);
      parents.push(process.number);
    }
  }
  return found;
}

/** The command lines of a sandbox's processes, as the machine sees them. Locally, those of all of its spawner's sandboxes. */
export async function commandsOf(id) {
  if (backend === "docker") return await docker("top", id, "-eo", "pid,args").catch(() => "");
  return descendants(spawnerOf(id))
    .map(({ command }) => command)
    .join("\n");
}

/** Whether nothing of a sandbox is left. Locally, a sandbox is one child of its spawner, and `alive` are known to live. */
export async function isGone(id, alive = 0) {
  if (backend === "docker") return (await inspect(id)) === null;
  return processes().filter(({ parent }) => parent === spawnerOf(id)).length <= alive;
}

/** A program in Bash that lists the interfaces of its network, one a line. Locally there is no `/sys`. */
export const listInterfaces =
  backend === "docker"
    ? "ls /sys/class/net"
    : "sed -n 's/^ *\\([^ :]*\\):.*/\\1/p' /proc/net/dev | sort";
