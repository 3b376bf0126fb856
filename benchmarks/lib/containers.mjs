// Plain Docker containers with the limits of a sandbox, to compare with. All of them are removed at the end, even
// after an error or Ctrl-C.

import { attach, Demultiplexer, docker, inspect } from "./docker.mjs";
import { DockerIsol8 } from "./package.mjs";
import { timed } from "./stats.mjs";

/** Label of the containers that the benchmarks make. */
const LABEL = "isol8.benchmark";

/** Numeric user and group of programs in a sandbox. */
export const USER = "100:101";

const made = new Set();

/**
 * Returns what a sandbox of `options` is like: its image, its limits as docker inspect shows them (without the
 * guest volume), and the environment of its programs.
 */
export async function likeness(runtime, options = {}) {
  const engine = new DockerIsol8(options);
  try {
    const { stdout, containerId } = await engine.execute({ runtime, cmd: "env" });
    const { Config, HostConfig } = await inspect(containerId);
    // The tmpfs of /sandbox, the read-only root, capabilities, seccomp and cgroup limits stay unchanged.
    const { Mounts: _mounts, ...limits } = HostConfig;
    const env = stdout.split("\n").filter((line) => !/^(PWD|OLDPWD|SHLVL|HOSTNAME|_)=/.test(line));
    return { image: Config.Image, limits, env };
  } finally {
    await engine.stop();
  }
}

/** Creates a container without starting it. Returns its id. */
export async function create({ image, limits }, cmd, more = {}) {
  const { Id } = await docker("POST", "/containers/create", {
    Image: image,
    Entrypoint: [],
    Cmd: cmd,
    Labels: { [LABEL]: String(process.pid) },
    User: USER,
    WorkingDir: "/sandbox",
    HostConfig: { ...limits, AutoRemove: false },
    ...more,
  });
  made.add(Id);
  return Id;
}

export const start = (id) => docker("POST", `/containers/${id}/start`);

/** Kills and removes a container. */
export async function remove(id) {
  await docker("DELETE", `/containers/${id}?force=1&v=1`);
  made.delete(id);
}

/** Removes the remaining containers of this process. */
export async function removeAll() {
  await Promise.allSettled([...made].map(remove));
}

/** Creates, starts and removes an idle container. Returns the milliseconds of create and start. */
export async function idleStart(like) {
  let id;
  const ms = await timed(async () => {
    id = await create(like, ["sleep", "infinity"]);
    await start(id);
  });
  await remove(id);
  return ms;
}

/** Creates and starts an idle container, with a program file if one is given. */
export async function idle(like, program) {
  const id = await create(
    like,
    ["bash", "-c", '[ -z "$FILE" ] || printf %s "$CODE" >"$FILE"; exec sleep infinity'],
    program ? { Env: [`FILE=${program.file}`, `CODE=${program.code}`] } : {},
  );
  await start(id);
  return id;
}

/**
 * The program that measures inside a container. It reads one command per line and answers each with one line. Times
 * are microseconds of wall time inside the container. Docker has no part in them.
 */
const DRIVER = `
printf %s "$CODE" >"$FILE"; unset CODE
now() { printf -v "$1" %s "\${EPOCHREALTIME//[.,]/}"; }
while read -r verb count; do
  case $verb in
    start)
      times=
      for ((i = 0; i < count; i++)); do
        now a; "$@" >/dev/null 2>&1 </dev/null || times=failed; now b
        times+=" $((b - a))"
      done
      echo "$times" ;;
    parallel)
      now a; seq "$count" | xargs -P 8 -n 1 "$@" >/dev/null 2>&1 || echo -n "failed "; now b
      echo $((b - a)) ;;
    put) head -c "$count" >/sandbox/blob; echo ok ;;
    get) cat /sandbox/blob ;;
    make) head -c "$count" /dev/zero | tr '\\0' x | fold -w 79 | head -c "$count" >/sandbox/blob; echo ok ;;
    cat) for ((i = 0; i < count; i++)); do cat /sandbox/blob; done ;;
  esac
done`;

/** A container whose attached stream is a {@link DRIVER}. */
export class Driver {
  #id;
  #socket;
  #onData = () => {};
  #fail = () => {};

  /** @param {{file: string, code: string, argv: string[]}} program what `start` starts */
  static async open(like, program) {
    const driver = new Driver();
    driver.#id = await create(like, ["bash", "-c", DRIVER, "driver", ...program.argv], {
      Env: [...like.env, `FILE=${program.file}`, `CODE=${program.code}`],
      AttachStdin: true,
      AttachStdout: true,
      AttachStderr: true,
      OpenStdin: true,
      StdinOnce: true,
    });
    driver.#socket = await attach(driver.#id);
    const frames = new Demultiplexer((part, stream) => {
      if (stream === 1) driver.#onData(part);
      else driver.#fail(new Error(`in the container: ${part.toString("utf8")}`));
    });
    driver.#socket.on("data", (bytes) => frames.push(bytes));
    driver.#socket.on("error", (error) => driver.#fail(error));
    driver.#socket.on("close", () => driver.#fail(new Error("the container has ended")));
    await start(driver.#id);
    return driver;
  }

  /** Sends bytes and passes chunks of the answer to `take` until it returns true. */
  exchange(bytes, take) {
    return new Promise((resolve, reject) => {
      this.#fail = reject;
      this.#onData = (part) => take(part) && resolve();
      this.#socket.write(bytes);
    });
  }

  /** Sends a command, with bytes after it if given. Returns the answer, which is one line. */
  async ask(command, bytes = undefined) {
    let answer = "";
    const exchanged = this.exchange(`${command}\n`, (part) => {
      answer += part.toString("utf8");
      return answer.endsWith("\n");
    });
    if (bytes) this.#socket.write(bytes);
    await exchanged;
    if (answer.includes("failed"))
      throw new Error(`${command}: the program failed in the container`);
    return answer.trim();
  }

  /** Starts the program `count` times, one after the other. Returns the milliseconds of each. */
  async bareStarts(count) {
    const answer = await this.ask(`start ${count}`);
    return answer.split(/\s+/).map((micros) => Number(micros) / 1000);
  }

  /** Starts the program `count` times, eight at a time. Returns the milliseconds of all together. */
  async parallelStarts(count) {
    return Number(await this.ask(`parallel ${count}`)) / 1000;
  }

  async close() {
    this.#fail = () => {};
    this.#socket.destroy();
    await remove(this.#id);
  }
}
