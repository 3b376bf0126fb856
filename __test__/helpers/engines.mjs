// Starts engines beside the machine's Docker daemon: Podman, and a daemon that knows other OCI runtimes. Each has a
// folder of its own. Everything ends with its test, and with the process that runs it.

import { spawn } from "node:child_process";
import { existsSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { run } from "./docker.mjs";
import { daemonFolder } from "./folder.mjs";
import { until } from "./harness.mjs";

/** Where system programs are that are not in the path of every user. */
const FOLDERS = ["/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin", "/bin", "/sbin"];

/** The path of a program, or `undefined`. */
const programOf = (name) =>
  FOLDERS.map((folder) => join(folder, name)).find((path) => existsSync(path));

/** Why engines cannot be started here, or `false`. */
export function missing(...programs) {
  if (process.versions.bun) return "these engines are started once, under Node.js";
  if (process.platform !== "linux") return "these engines need Linux";
  if (process.getuid() !== 0) return "only root can start these engines";
  const absent = ["setpriv", "unshare", ...programs].find((name) => !programOf(name));
  return absent ? `this machine has no ${absent} (scripts/ensure-engines.sh)` : false;
}

/** Whether control groups are of both versions at once, which crun does not support. */
export const cgroupsAreHybrid =
  existsSync("/sys/fs/cgroup/unified") && existsSync("/sys/fs/cgroup/memory");

/**
 * Starts a daemon in a folder of its own. `command` returns its words from the folder and the path of its socket.
 * Resolves with `options` for engines, its `folder` and `socket`, `client`, which runs Docker's command against it,
 * and `end`.
 */
async function startDaemon(command) {
  const folder = daemonFolder();
  const socket = join(folder, "socket");
  const log = openSync(join(folder, "log"), "w");
  const [program, ...args] = command(folder, socket);
  // Namespaces of its own keep it from the bridges and mounts of the machine's daemon, and end with it. A daemon whose
  // tests were killed ends as well.
  const namespaces = ["--net", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child=KILL"];
  const words = ["--pdeathsig", "KILL", "unshare", ...namespaces, program, ...args];
  const daemon = spawn("setpriv", words, { stdio: ["ignore", log, log] });
  const ended = new Promise((resolve) => {
    daemon.on("error", resolve);
    daemon.on("exit", resolve);
  });
  const end = async () => {
    // The daemon is the child of what makes the namespaces. It ends its containers at this signal.
    const children = `/proc/${daemon.pid}/task/${daemon.pid}/children`;
    const child = existsSync(children) && Number(readFileSync(children, "utf8").trim());
    try {
      if (child) process.kill(child, "SIGTERM");
    } catch (error) {
      // It may have ended just now.
      if (error.code !== "ESRCH") throw error;
    }
    const overdue = setTimeout(() => daemon.kill("SIGKILL"), child ? 15_000 : 0);
    await ended;
    clearTimeout(overdue);
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  };
  const client = async (...words) => {
    const { stdout } = await run("docker", ["--host", `unix://${socket}`, ...words]);
    return stdout.trim();
  };
  try {
    await until(
      () => {
        if (daemon.exitCode !== null) throw new Error(readFileSync(join(folder, "log"), "utf8"));
        return client("version").then(
          () => true,
          () => false,
        );
      },
      () => `the daemon answers: ${readFileSync(join(folder, "log"), "utf8")}`,
    );
  } catch (error) {
    await end();
    throw error;
  }
  return { options: { docker: { socketPath: socket } }, folder, socket, client, end };
}

/** Starts Podman's service, with an OCI runtime. */
export function startPodman(runtime) {
  return startDaemon((folder, socket) => [
    "podman",
    ...["--root", join(folder, "root"), "--runroot", join(folder, "run")],
    ...["--runtime", programOf(runtime), "--cgroup-manager", "cgroupfs"],
    ...["system", "service", "--time", "0", `unix://${socket}`],
  ]);
}

/** Starts a Docker daemon that knows these runtimes: names with `path` and `runtimeArgs`. */
export function startDocker(runtimes) {
  return startDaemon((folder, socket) => {
    const configuration = join(folder, "daemon.json");
    writeFileSync(configuration, JSON.stringify({ runtimes }));
    return [
      "dockerd",
      ...["--config-file", configuration, "--host", `unix://${socket}`],
      ...["--data-root", join(folder, "root"), "--exec-root", join(folder, "exec")],
      ...["--pidfile", join(folder, "pid"), "--bridge=none", "--iptables=false"],
      ...["--ip6tables=false", "--ip-forward=false", "--ip-masq=false"],
    ];
  });
}

/** The runtimes that the tests register: gVisor in three ways, and crun. */
export function otherRuntimes() {
  const path = programOf("runsc");
  return {
    runsc: { path, runtimeArgs: ["--network=none"] },
    "with-sockets": { path, runtimeArgs: ["--network=none", "--fsgofer-host-uds"] },
    "with-network": { path },
    crun: { path: programOf("crun") },
  };
}

/** Copies images of the machine's daemon to another one. */
export async function copyImages(engine, images) {
  const archive = join(engine.folder, "images.tar");
  await run("docker", ["save", "--output", archive, ...images]);
  await engine.client("load", "--quiet", "--input", archive);
  await rm(archive);
}
