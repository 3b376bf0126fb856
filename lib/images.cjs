"use strict";
// Building and looking up the runtime images. The work is native; progress comes back by callback.

const { dockerAddress } = require("./docker-address.cjs");
const { unwrap } = require("./errors.cjs");
const { native } = require("./native.cjs");

/** Names of the labels that isol8 puts on its images. */
const LABELS = Object.freeze({
  dockerHash: "org.isol8.build.hash",
  depsHash: "org.isol8.deps.hash",
  runtime: "org.isol8.runtime",
  dependencies: "org.isol8.dependencies",
  setupScript: "org.isol8.setup",
});

/** A native progress callback takes JSON; a caller's takes the object. */
const reporter = (onProgress) => (json) => {
  onProgress?.(JSON.parse(json));
};

async function buildBaseImages(docker, onProgress, force = false, onlyRuntimes = undefined) {
  const options = JSON.stringify({ force, runtimes: onlyRuntimes ?? null });
  const address = JSON.stringify(dockerAddress(docker));
  unwrap(await native().buildBaseImages(address, options, reporter(onProgress)));
}

async function buildCustomImage(
  docker,
  runtime,
  packages,
  tag,
  onProgress,
  force = false,
  setupScript = undefined,
) {
  const options = JSON.stringify({
    runtime,
    packages,
    tag,
    force,
    setupScript: setupScript ?? null,
  });
  const address = JSON.stringify(dockerAddress(docker));
  unwrap(await native().buildCustomImage(address, options, reporter(onProgress)));
}

async function imageExists(docker, name) {
  const address = JSON.stringify(dockerAddress(docker));
  return JSON.parse(unwrap(await native().imageExists(address, name)).result);
}

module.exports = { LABELS, buildBaseImages, buildCustomImage, imageExists };
