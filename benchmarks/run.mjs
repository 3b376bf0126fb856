// npm run bench: measures every figure beside the one it is compared with. See README.md in this folder.

import { cpus, loadavg, totalmem } from "node:os";
import { parseArgs } from "node:util";
import * as v8 from "node:v8";
import { runInNewContext } from "node:vm";
import * as churn from "./churn.mjs";
import * as cold from "./cold.mjs";
import * as command from "./command.mjs";
import * as first from "./first.mjs";
import { checkout, compare } from "./lib/against.mjs";
import { removeAll } from "./lib/containers.mjs";
import { docker } from "./lib/docker.mjs";
import { aligned, table } from "./lib/figures.mjs";
import { RUNTIMES } from "./lib/programs.mjs";
import * as local from "./local.mjs";
import * as memory from "./memory.mjs";
import * as network from "./network.mjs";
import * as preload from "./preload.mjs";
import * as server from "./server.mjs";
import * as session from "./session.mjs";
import * as streams from "./streams.mjs";
import * as throughput from "./throughput.mjs";
import * as warm from "./warm.mjs";

const BENCHMARKS = [
  cold,
  first,
  warm,
  session,
  throughput,
  network,
  preload,
  streams,
  command,
  server,
  memory,
  churn,
  local,
];

const USAGE = `usage: npm run bench -- [options]

  --only NAME      one benchmark (repeatable): ${BENCHMARKS.map(({ name }) => name).join(", ")}
  --runtime NAME   one runtime (repeatable): ${RUNTIMES.join(", ")}
  --quick          fewer rounds: a look, not a measurement
  --against DIR    the same with the package of another checkout, in turns: a table of before (DIR) and now
  --json           the figures as JSON on standard output, progress on standard error`;

const names = BENCHMARKS.map(({ name }) => name);

function options() {
  try {
    const { values } = parseArgs({
      options: {
        only: { type: "string", multiple: true, default: names },
        runtime: { type: "string", multiple: true, default: RUNTIMES },
        quick: { type: "boolean", default: false },
        against: { type: "string" },
        json: { type: "boolean", default: false },
        help: { type: "boolean", default: false },
      },
    });
    const unknown = [
      ...values.only.filter((name) => !names.includes(name)),
      ...values.runtime.filter((name) => !RUNTIMES.includes(name)),
    ];
    if (unknown.length > 0) throw new Error(`there is no ${unknown.join(", ")}`);
    if (values.against !== undefined) values.against = checkout(values.against);
    return values;
  } catch (error) {
    console.error(`${error.message}\n\n${USAGE}`);
    process.exit(2);
  }
}

/** Describes the machine of the measurement. */
async function machine() {
  const { Version, KernelVersion } = await docker("GET", "/version");
  return {
    cpu: cpus()[0].model.trim(),
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: KernelVersion,
    docker: Version,
    node: process.version,
    load: loadavg()[0],
    time: new Date().toISOString(),
  };
}

/** Makes garbage collection callable, so that memory is read after it. */
function exposeGc() {
  v8.setFlagsFromString("--expose-gc");
  globalThis.gc = runInNewContext("gc");
}

const settings = options();
if (settings.help) {
  console.log(USAGE);
  process.exit(0);
}
const say = settings.json ? console.error : console.log;
const live = process.stderr.isTTY && !settings.json;
const log = (name) => (text) => {
  if (live) process.stderr.write(`\r\x1b[K${name}: ${text} …`);
};

for (const [signal, code] of [
  ["SIGINT", 130],
  ["SIGTERM", 143],
]) {
  process.on(signal, async () => {
    await removeAll();
    process.exit(code);
  });
}

exposeGc();
const on = await machine();
say(
  `${on.cores} × ${on.cpu}, ${on.memoryGiB} GiB, Linux ${on.kernel}, Docker ${on.docker}, Node ${on.node}, ` +
    `load ${on.load.toFixed(2)}${settings.quick ? "; quick: fewer rounds, more noise" : ""}`,
);

if (settings.against !== undefined) {
  const words = settings.runtime.flatMap((runtime) => ["--runtime", runtime]);
  if (settings.quick) words.push("--quick");
  const rows = await compare(settings.against, settings.only, words, console.error);
  if (settings.json) console.log(JSON.stringify(rows, null, 2));
  else say(`\n${aligned(rows, [2, 3, 4, 5]).join("\n")}`);
  process.exit(0);
}

const report = { machine: on, quick: settings.quick, benchmarks: {}, errors: {} };
for (const benchmark of BENCHMARKS.filter(({ name }) => settings.only.includes(name))) {
  const { name, title, run } = benchmark;
  const since = performance.now();
  say(`\n${title}`);
  try {
    report.benchmarks[name] = await run({
      runtimes: RUNTIMES.filter((runtime) => settings.runtime.includes(runtime)),
      quick: settings.quick,
      rounds: (usual, quick) => (settings.quick ? quick : usual),
      log: log(name),
    });
    if (live) process.stderr.write("\r\x1b[K");
    say(table(report.benchmarks[name]));
  } catch (error) {
    if (live) process.stderr.write("\r\x1b[K");
    report.errors[name] = error.message;
    console.error(`[ERR] ${name}: ${error.stack}`);
  } finally {
    await removeAll();
  }
  say(`(${((performance.now() - since) / 1000).toFixed(0)} s, load ${loadavg()[0].toFixed(2)})`);
}

const figures = Object.values(report.benchmarks).flat();
const met = figures.filter((item) => item.met === true).length;
const missed = figures.filter((item) => item.met === false);
const unmeasured = figures.filter((item) => item.notMeasured !== undefined);
say(`\n${met} targets met, ${missed.length} missed, ${unmeasured.length} not measured`);
if (settings.json) console.log(JSON.stringify(report, null, 2));
process.exitCode = Object.keys(report.errors).length > 0 ? 1 : 0;
