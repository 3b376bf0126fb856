// A Docker daemon of a test's own, which it may kill: other tests use the one of the machine.

import { spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { run } from "./docker.mjs";
import { daemonFolder, withFolder } from "./folder.mjs";
import { until } from "./harness.mjs";

/** Returns where a program is. */
const find = (name) =>
  ["/usr/bin", "/usr/sbin", "/usr/local/bin"].map((folder) => join(folder, name)).find(existsSync);

const DAEMON = find("dockerd");

/** What starts the containers of the daemon. It is not the daemon's child, so that it goes on without it. */
const CONTAINERD = find("containerd");

/** Why this machine lets a test start no daemon of its own, or false. */
export const noOwnDocker =
  process.getuid?.() === 0 && DAEMON && CONTAINERD
    ? false
    : "a daemon of one's own needs root, dockerd and containerd";

/** The processes whose command line names `folder`. */
function processesOf(folder) {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(folder);
      } catch {
        return false; // It has ended meanwhile.
      }
    })
    .map(Number)
    .filter((pid) => pid !== process.pid);
}

function killAll(folder) {
  for (const pid of processesOf(folder)) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It has ended meanwhile.
    }
  }
}

/** Takes away what the daemon has mounted, and its folder. */
async function removeFolder(folder) {
  await until(() => {
    killAll(folder);
    return processesOf(folder).length === 0;
  }, "the processes of the daemon are gone");
  const mounts = readFileSync("/proc/mounts", "utf8").split("\n");
  const own = mounts.map((line) => line.split(" ")[1]).filter((path) => path?.startsWith(folder));
  for (const path of own.reverse()) await run("umount", ["-l", path]).catch(() => {});
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}

/** Words of `setpriv` before a program that is to end even where the tests are killed. */
const WITH_US = ["--pdeathsig", "KILL"];

class OwnDocker {
  #child;

  constructor(folder) {
    this.folder = folder;
    this.socketPath = join(folder, "docker.sock");
  }

  /** Starts containerd the first time. Returns its address. */
  #containerd() {
    const at = (name) => join(this.folder, name);
    const address = at("containerd.sock");
    if (!existsSync(address)) {
      const words = ["--address", address, "--root", at("containerd"), "--state", at("state")];
      spawn("setpriv", [...WITH_US, CONTAINERD, ...words, "--log-level", "error"], {
        stdio: "ignore",
      });
    }
    return address;
  }

  /** Starts the daemon, again after `kill`. Resolves when it answers. */
  async start() {
    const at = (name) => join(this.folder, name);
    const words = ["--host", `unix://${this.socketPath}`, "--data-root", at("data")];
    words.push("--exec-root", at("exec"), "--pidfile", at("pid"), "--log-level", "error");
    words.push("--containerd", this.#containerd());
    words.push("--bridge", "none", "--iptables=false", "--ip6tables=false");
    // In a network namespace of its own: a daemon without a bridge removes the bridge of the machine's daemon.
    this.#child = spawn("setpriv", [...WITH_US, "unshare", "--net", DAEMON, ...words], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    let said = "";
    this.#child.stderr.on("data", (data) => {
      said += data;
    });
    await until(
      () =>
        this.docker("version").then(
          () => true,
          () => false,
        ),
      () => `the daemon answers: ${said}`,
    );
  }

  /** Kills the daemon. Its containers go on. */
  async kill() {
    this.#child.kill("SIGKILL");
    await until(() => this.#child.signalCode !== null, "the daemon is gone");
  }

  /** Runs the `docker` command against it. Resolves with the output. */
  async docker(...words) {
    const { stdout } = await run("docker", ["--host", `unix://${this.socketPath}`, ...words]);
    return stdout.trim();
  }

  /** Copies an image of the machine's daemon. */
  async copyImage(name) {
    const archive = join(this.folder, "image.tar");
    await run("docker", ["save", "--output", archive, name]);
    await this.docker("load", "--input", archive);
    rmSync(archive);
  }
}

/** An image with nothing but its shells, because large images take long to copy. */
const ONLY_BASH = "isol8-test/only-bash:latest";
const ONLY_BASH_DOCKERFILE = `FROM isol8:bash AS full
RUN mkdir /tmp/only && cp --parents -L $(ldd /bin/bash /bin/sh | grep -o '/[^ :]*' | sort -u) /tmp/only
FROM scratch
COPY --from=full /tmp/only /
`;

/** Builds the image with nothing but shells, unless it is there. Returns its name. */
export async function onlyBash() {
  await withFolder(async (folder) => {
    await writeFile(join(folder, "Dockerfile"), ONLY_BASH_DOCKERFILE);
    await run("docker", ["build", "--quiet", "--network=none", "--tag", ONLY_BASH, folder]);
  });
  return ONLY_BASH;
}

/** Runs `use` with a daemon of its own. */
export async function withOwnDocker(use) {
  const folder = daemonFolder();
  try {
    const own = new OwnDocker(folder);
    await own.start();
    return await use(own);
  } finally {
    await removeFolder(folder);
  }
}
