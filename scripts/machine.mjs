// The first steps of both quickstart and test: tools, Docker, the native addon, the images.

import { existsSync } from "node:fs";
import { root, run } from "./steps.mjs";

/** Number of characters shown of a build step, because its command can be long. */
const MESSAGE_WIDTH = 90;

const script = (name, ...args) => run("sh", [`scripts/${name}`, ...args]);

// This machine's certificate authorities. Images need them behind a proxy that reads TLS. They are set for every step: tests
// build images too, and `test.mjs --only` leaves out the step that builds them first.
const certificates = process.env.ISOL8_EXTRA_CA ?? process.env.SSL_CERT_FILE;
if (certificates && existsSync(certificates)) process.env.ISOL8_EXTRA_CA = certificates;

/** Builds the images that are missing or out of date, through the public package. */
async function buildImages() {
  const { buildBaseImages } = await import(`${root}/index.js`);
  await buildBaseImages(undefined, ({ runtime, status, message }) => {
    const marker = { building: "[INFO]", done: "[OK]", error: "[ERR]" }[status];
    const line = (message ?? status).slice(0, status === "building" ? MESSAGE_WIDTH : undefined);
    console.log(`${marker} ${runtime}: ${line}`);
  });
}

export const tools = {
  name: "tools",
  needed: true,
  run: () => script("ensure-toolchain.sh"),
};
export const testTools = {
  name: "tools, those for tests included",
  needed: true,
  run: () => script("ensure-toolchain.sh", "--test"),
};
export const docker = {
  name: "Docker",
  needed: true,
  async run() {
    await script("ensure-docker.sh");
    await script("ensure-base-image.sh");
  },
};
export const build = {
  name: "build",
  needed: true,
  run: () => run("npm", ["run", "--silent", "build"]),
};
export const debugBuild = {
  name: "build, without optimisation",
  needed: true,
  run: () => run("npm", ["run", "--silent", "build:debug"]),
};
export const images = { name: "images", needed: true, run: buildImages };
export const foreignImage = {
  name: "an image that is not ours",
  needed: true,
  run: () => script("ensure-busybox-image.sh"),
};
