// Streams: standard output, putFile and getFile in MB/s, against Docker's raw attached stream.

import { Driver, likeness } from "./lib/containers.mjs";
import { figure } from "./lib/figures.mjs";
import { DockerIsol8 } from "./lib/package.mjs";
import { PROGRAMS } from "./lib/programs.mjs";
import { median, timed } from "./lib/stats.mjs";

export const name = "streams";
export const title = "Streams: MB/s";

const MIB = 1024 * 1024;

/** Size in bytes of the file that is written, read and printed. */
const SIZE = 100 * MIB;

/** How often the file is printed in one run. */
const REPEATS = 3;

/** What an engine has to mask: two keys of services, and a private key. None of it is printed. */
const SECRETS = {
  API_KEY: "sk-proj-5uN2vKq8Zr1Xw7Lm3Tb9Yc4Hd6Jf0Ag",
  DATABASE_URL: "postgres://app:9fK%23d!2mQ@db.internal:5432/orders?sslmode=require",
  SIGNING_KEY: ["-----BEGIN PRIVATE KEY-----", ...keyLines(), "-----END PRIVATE KEY-----", ""].join(
    "\n",
  ),
};

/** Lines like those of an RSA key with 2048 bits. */
function keyLines() {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const character = (_, at) => alphabet[(at * at * 31 + at * 17) % alphabet.length];
  const text = Array.from({ length: 26 * 64 }, character).join("");
  return text.match(/.{64}/g);
}

const FILE = "/sandbox/blob";

export async function run({ rounds, log }) {
  const like = await likeness("bash");
  const driver = await Driver.open(like, PROGRAMS.bash);
  const printing = new DockerIsol8({ maxOutputSize: 2 * SIZE * REPEATS, timeoutMs: 120_000 });
  const masking = new DockerIsol8({
    maxOutputSize: 2 * SIZE * REPEATS,
    timeoutMs: 120_000,
    secrets: SECRETS,
  });
  const files = new DockerIsol8({ mode: "persistent", timeoutMs: 120_000 });
  try {
    return await measure({ driver, printing, masking, files, rounds: rounds(5, 2), log });
  } finally {
    await driver.close();
    await printing.stop();
    await masking.stop();
    await files.stop();
  }
}

const rate = (bytes, ms) => bytes / 1e6 / (ms / 1000);

/** Returns MB/s between the first chunk and the last, without the start of the program. */
class Flow {
  #first = 0;
  #since;
  #last;
  bytes = 0;

  take(length) {
    this.#last = performance.now();
    if (this.#since === undefined) {
      this.#since = this.#last;
      this.#first = length;
    }
    this.bytes += length;
  }

  get rate() {
    return rate(this.bytes - this.#first, this.#last - this.#since);
  }
}

async function printed(engine) {
  const prepare = `head -c ${SIZE} /dev/zero | tr '\\0' x | fold -w 79 | head -c ${SIZE} >${FILE}`;
  const print = Array.from({ length: REPEATS }, () => `cat ${FILE}`).join("\n");
  const flow = new Flow();
  const request = { runtime: "bash", code: `${prepare}\n${print}` };
  for await (const { type, data } of engine.executeStream(request)) {
    if (type === "stdout") flow.take(data.length);
    if (type === "stderr" || type === "error") throw new Error(data);
  }
  if (flow.bytes !== SIZE * REPEATS) throw new Error(`${flow.bytes} bytes were printed`);
  return flow.rate;
}

async function printedRaw(driver) {
  await driver.ask(`make ${SIZE}`);
  const flow = new Flow();
  await driver.exchange(`cat ${REPEATS}\n`, (part) => {
    flow.take(part.length);
    return flow.bytes >= SIZE * REPEATS;
  });
  return flow.rate;
}

async function gotRaw(driver) {
  let bytes = 0;
  await driver.exchange("get\n", (part) => {
    bytes += part.length;
    return bytes >= SIZE;
  });
}

async function got(engine) {
  const content = await engine.getFile(FILE);
  if (content.length !== SIZE) throw new Error(`getFile gave ${content.length} bytes`);
}

async function measure({ driver, printing, masking, files, rounds, log }) {
  const content = Buffer.alloc(SIZE, "0123456789abcdef");
  const samples = { out: [], masked: [], rawOut: [], put: [], rawPut: [], get: [], rawGet: [] };
  await files.execute({ runtime: "bash", code: "true" });
  for (let round = 0; round <= rounds; round += 1) {
    log(round === 0 ? "warm-up" : `round ${round}`);
    const found = {
      out: await printed(printing),
      masked: await printed(masking),
      rawOut: await printedRaw(driver),
      put: rate(SIZE, await timed(() => files.putFile(FILE, content))),
      rawPut: rate(SIZE, await timed(() => driver.ask(`put ${SIZE}`, content))),
      get: rate(SIZE, await timed(() => got(files))),
      rawGet: rate(SIZE, await timed(() => gotRaw(driver))),
    };
    if (round > 0) for (const [key, value] of Object.entries(found)) samples[key].push(value);
  }
  const compared = (name, key, raw, rawName, least) =>
    figure({
      name,
      value: median(samples[key]),
      unit: "MB/s",
      against: { name: `attached stream, ${rawName}`, value: median(samples[raw]) },
      target: { least },
    });
  return [
    compared("stdout", "out", "rawOut", "cat of a file", 0.8),
    figure({
      name: "stdout with secrets",
      value: median(samples.masked),
      unit: "MB/s",
      against: { name: "stdout without", value: median(samples.out) },
      target: { least: 0.9 },
    }),
    compared("putFile, 100 MiB", "put", "rawPut", "head -c into a file", 0.5),
    compared("getFile, 100 MiB", "get", "rawGet", "cat of a file", 0.5),
  ];
}
