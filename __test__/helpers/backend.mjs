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

/** Where control groups are: those of memory, in version 1 and in version 2. */
const GROUPS = ["/sys/fs/cgroup/memory/isol8", "/sys/fs/cgroup/isol8"];

/** The control group of a local sandbox, from its id, or `undefined` when nothing of it is left. */
function groupOf(id) {
  const [, spawner, number] = id.split("-");
  const places = GROUPS.filter((place) => existsSync(place));
  const own = places.flatMap((place) =>
    readdirSync(place)
      .filter((name) => name.startsWith(`${spawner}-`))
      .map((name) => `${place}/${name}/${number}`),
  );
  return own.find((group) => existsSync(group));
}

/** The command line of a process, or an empty text when it has ended. */
function commandLine(pid) {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
  } catch {
    return "";
  }
}

/** The command lines of a sandbox's processes, as the machine sees them. */
export async function commandsOf(id) {
  if (backend === "docker") return await docker("top", id, "-eo", "pid,args").catch(() => "");
  try {
    const processes = readFileSync(`${groupOf(id)}/cgroup.procs`, "utf8");
    return processes.split("\n").map(commandLine).join("\n");
  } catch {
    return ""; // It has ended meanwhile.
  }
}

/** Whether nothing of a sandbox is left. */
export async function isGone(id) {
  return backend === "docker" ? (await inspect(id)) === null : groupOf(id) === undefined;
}

/** A program in Bash that lists the interfaces of its network, one a line. Locally there is no `/sys`. */
export const listInterfaces =
  backend === "docker"
    ? "ls /sys/class/net"
    : "sed -n 's/^ *\\([^ :]*\\):.*/\\1/p' /proc/net/dev | sort";
