"use strict";
// Builds and looks up images. The native engine does the work and reports progress by callback.

const { checkCallback, textOf } = require("./call-options.cjs");
const { errorCodes, labels } = require("./constants.json");
const { dockerAddress } = require("./docker-address.cjs");
const { unwrap } = require("./errors.cjs");
const { toJson } = require("./json.cjs");
const { native } = require("./native.cjs");

const INVALID_OPTION = errorCodes.invalidOption;

/** Names of the labels that isol8 puts on its images. Part of the public API. */
const LABELS = Object.freeze({ ...labels });

async function buildBaseImages(
  docker,
  onProgress,
  force = false,
  onlyRuntimes = undefined,
  sources = {},
) {
  const options = { ...sources, force, runtimes: onlyRuntimes ?? null };
  await reporting(native().buildBaseImages, docker, options, onProgress);
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
  const options = { runtime, packages, tag: tag ?? null, force, setupScript: setupScript ?? null };
  await reporting(native().buildCustomImage, docker, options, onProgress);
}

/** Runs a native build and calls the caller's callback with its progress. */
async function reporting(build, docker, options, onProgress) {
  checkCallback(onProgress, "onProgress", INVALID_OPTION);
  const address = toJson(dockerAddress(docker), INVALID_OPTION);
  const json = toJson(options, INVALID_OPTION);
  // An error thrown inside a native callback would end the process. It is kept and thrown after the build.
  let thrown;
  const report = (progress) => {
    try {
      onProgress?.(JSON.parse(progress));
    } catch (error) {
      thrown ??= { error };
    }
  };
  unwrap(await build(address, json, report));
  if (thrown) throw thrown.error;
}

async function imageExists(docker, name) {
  const address = toJson(dockerAddress(docker), INVALID_OPTION);
  const image = textOf(name, "name", INVALID_OPTION);
  return JSON.parse(unwrap(await native().imageExists(address, image)).result);
}

module.exports = { LABELS, buildBaseImages, buildCustomImage, imageExists };
