// Local sandboxes: against bubblewrap from the distribution, with the same namespaces and mounts, and against Docker's.
// Bubblewrap has no list of system calls here, which spares it a quarter of a millisecond a start.

import { execFile, execFileSync } from "node:child_process";
import { promisify } from "node:util";
import { BACKENDS, call, withEngine } from "./lib/both-backends.mjs";
import { figure, notMeasured } from "./lib/figures.mjs";
import { warm } from "./lib/local-warm.mjs";
import { measured } from "./lib/measured.mjs";
import { check, PROGRAMS } from "./lib/programs.mjs";
import { spawnersEnd } from "./lib/spawners.mjs";
import { median, timed } from "./lib/stats.mjs";

export const name = "local";
export const title = "Local sandboxes";

const command = promisify(execFile);

/** A profile of one's own makes a sandbox one that is used once. This one is the list that all have. */
const USED_ONCE = {
  security: {
    seccomp: "custom",
    customProfilePath: new URL("../docker/seccomp.json", import.meta.url).pathname,
  },
};

/** Sandboxes in one batch, and calls in one burst. */
const BATCH = 40;

/** At most so many at once in a batch. */
const CONCURRENCY = 4;

/** When other programs change the machine's memory by more than this, in KiB for each sandbox, it is not measured. */
const MOST_NOISE = 100;

/** The interpreters that the system has, of those that are measured. */
const SYSTEM = ["bash", "python"];

const BWRAP = [
  ["--unshare-all", "--die-with-parent", "--new-session", "--uid", "100", "--gid", "101"],
  ["--ro-bind", "/usr", "/usr", "--symlink", "usr/bin", "/bin", "--symlink", "usr/sbin", "/sbin"],
  ["--symlink", "usr/lib", "/lib", "--symlink", "usr/lib64", "/lib64"],
  ["--ro-bind", "/etc/ssl", "/etc/ssl", "--ro-bind", "/etc/alternatives", "/etc/alternatives"],
  ["--ro-bind", "/etc/ld.so.cache", "/etc/ld.so.cache", "--proc", "/proc", "--dev", "/dev"],
  ["--tmpfs", "/tmp", "--tmpfs", "/sandbox", "--chdir", "/sandbox", "--clearenv"],
  ["--setenv", "PATH", "/usr/bin:/bin"],
].flat();

/**
 * The command that runs a program without a file. Bash takes a socket as its standard input for a remote shell, and then reads
 * ~/.bashrc first.
 */
const INLINE = {
  bash: ["bash", "--norc", "-c", PROGRAMS.bash.code],
  // The system's, which sandboxes have. Another one may come first in PATH.
  python: ["/usr/bin/python3", "-c", PROGRAMS.python.code],
};

function hasBubblewrap() {
  try {
    execFileSync("bwrap", ["--version"]);
    return true;
  } catch {
    return false;
  }
}

async function bubblewrap(runtime) {
  const { stdout, stderr } = await command("bwrap", [...BWRAP, ...INLINE[runtime]]);
  check({ stdout, stderr, exitCode: 0 });
}

const bare = (runtime) => command(INLINE[runtime][0], INLINE[runtime].slice(1));

export async function run({ runtimes, rounds, log }) {
  const figures = [];
  const peer = hasBubblewrap();
  for (const runtime of runtimes.filter((name) => SYSTEM.includes(name))) {
    log(`${runtime}: cold`);
    figures.push(...(await cold(runtime, rounds(15, 4), peer)));
  }
  log("bursts and batches");
  figures.push(...(await many(rounds(5, 2), peer)));
  for (const runtime of runtimes.filter((name) => SYSTEM.includes(name))) {
    log(`${runtime}: warm`);
    figures.push(...(await warm(runtime, rounds(8, 2))));
  }
  log("idle sandboxes");
  figures.push(...(await idle(100, rounds(7, 3))));
  return figures;
}

/**
 * From a new engine to its first result: at first while nothing is there, and then while another engine keeps the process
 * that makes sandboxes.
 */
async function cold(runtime, rounds, peer) {
  const samples = { first: [], local: [], docker: [], bare: [], bareFirst: [], bwrap: [] };
  for (let round = 0; round < rounds && (await spawnersEnd()); round += 1) {
    samples.bareFirst.push(await timed(() => bare(runtime)));
    await withEngine("local", {}, 1, async (engine) => {
      samples.first.push(await timed(() => call(engine, runtime)));
    });
  }
  await withEngine("local", {}, 1, async (other) => {
    await call(other, runtime);
    for (let round = 0; round < rounds; round += 1) {
      for (const backend of BACKENDS) {
        await withEngine(backend, {}, 1, async (engine) => {
          samples[backend].push(await timed(() => call(engine, runtime)));
        });
      }
      samples.bare.push(await timed(() => bare(runtime)));
      if (peer) samples.bwrap.push(await timed(() => bubblewrap(runtime)));
    }
  });
  const value = median(samples.local);
  const docker = { name: "Docker's sandboxes", value: median(samples.docker) };
  const ms = { runtime, value, unit: "ms" };
  const first = "cold beyond a bare start, first sandbox";
  const second = "cold beyond a bare start";
  const alone = median(samples.bare);
  const figures = [
    samples.first.length < rounds
      ? notMeasured(first, "the process that makes sandboxes does not end with its engine", runtime)
      : beyond(first, runtime, median(samples.first), median(samples.bareFirst), {
          target: { most: 8 },
        }),
    beyond(second, runtime, value, alone, { target: { most: 4 } }),
    beyond(second, runtime, value, alone, { against: docker, target: { most: 0.125 } }),
    figure({ ...ms, name: "cold", against: docker }),
  ];
  const against = peer && { name: "bwrap", value: median(samples.bwrap) };
  figures.push(
    against
      ? figure({ ...ms, name: "cold", against, target: { most: 1 } })
      : notMeasured("cold against bwrap", "bubblewrap is not installed", runtime),
  );
  return figures;
}

/** What a sandbox takes beyond a bare start. A start that takes longer without a sandbox says nothing about sandboxes. */
function beyond(name, runtime, cold, bare, rest) {
  return cold > bare
    ? figure({ name, runtime, value: cold - bare, unit: "ms", ...rest })
    : notMeasured(name, `the bare starts took longer: ${bare.toFixed(0)} ms`, runtime);
}

/** Calls `action` BATCH times, at most CONCURRENCY at once. */
async function batch(action) {
  let left = BATCH;
  const worker = async () => {
    while (left > 0) {
      left -= 1;
      await action();
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, worker));
}

const usedOnce = (backend) =>
  withEngine(backend, USED_ONCE, CONCURRENCY, (engine) => batch(() => call(engine, "bash")));

const burst = (backend) =>
  withEngine(backend, {}, BATCH, (engine) =>
    timed(() => Promise.all(Array.from({ length: BATCH }, () => call(engine, "bash")))),
  );

async function many(rounds, peer) {
  const rates = { local: [], docker: [], bwrap: [] };
  const bursts = { local: [], docker: [] };
  const rate = async (action) => (BATCH / (await timed(action))) * 1000;
  for (let round = 0; round < rounds; round += 1) {
    for (const backend of BACKENDS) {
      rates[backend].push(await rate(() => usedOnce(backend)));
      bursts[backend].push(await burst(backend));
    }
    if (peer) rates.bwrap.push(await rate(() => batch(() => bubblewrap("bash"))));
  }
  const value = median(rates.local);
  const each = { name: `sandboxes per second, concurrency ${CONCURRENCY}`, value, unit: "/s" };
  const figures = [
    figure({
      ...each,
      against: { name: "Docker's sandboxes", value: median(rates.docker) },
      target: { least: 20 },
    }),
    figure({
      name: `a burst of ${BATCH} calls`,
      value: median(bursts.local),
      unit: "ms",
      against: { name: "Docker's sandboxes", value: median(bursts.docker) },
      target: { most: 0.25 },
    }),
  ];
  if (peer) {
    const against = { name: "bwrap", value: median(rates.bwrap) };
    figures.push(figure({ ...each, against, target: { least: 1.2 } }));
  } else {
    figures.push(notMeasured(each.name, "bubblewrap is not installed"));
  }
  return figures;
}

/** What an idle sandbox with its interpreter costs, in a process of its own. */
async function idle(count, rounds) {
  const { host, machine, noise } = await measured("idle-local-memory", count, rounds);
  const of = (name) => `${name}, per idle sandbox (${count})`;
  const kibibytes = (name, value, most) =>
    figure({ name: of(name), value, unit: "KiB", target: { most } });
  const whole = "machine beyond the interpreter";
  return [
    kibibytes("host", host, 64),
    noise > MOST_NOISE
      ? notMeasured(of(whole), `other programs change memory by ${noise.toFixed(0)} KiB`)
      : kibibytes(whole, machine, 400),
  ];
}
