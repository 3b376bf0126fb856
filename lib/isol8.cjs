"use strict";
// Isol8: the engine whose backend the caller chooses. DockerIsol8: the same, always with Docker.

const { errorCodes } = require("./constants.json");
const { dockerAddress } = require("./docker-address.cjs");
const { Engine } = require("./engine.cjs");
const { unwrap } = require("./errors.cjs");
const { toJson } = require("./json.cjs");
const { native } = require("./native.cjs");

/** Returns the address of the Docker daemon as JSON. */
const addressJson = (docker) => toJson(dockerAddress(docker), errorCodes.invalidOption);

class Isol8 extends Engine {
  constructor(options = {}, maxConcurrent = undefined) {
    // Native code does not see what a program under Bun has put into its environment.
    super(options, maxConcurrent, { onDocker: false, variable: process.env.ISOL8_BACKEND });
  }
}

class DockerIsol8 extends Engine {
  constructor(options = {}, maxConcurrent = undefined) {
    super(options, maxConcurrent, { onDocker: true });
  }

  /** Removes containers of isol8 that no living process uses. */
  static async cleanup(docker) {
    return JSON.parse(unwrap(await native().cleanup(addressJson(docker))).result);
  }

  /** Removes the images that isol8 built. */
  static async cleanupImages(docker) {
    return JSON.parse(unwrap(await native().cleanupImages(addressJson(docker))).result);
  }
}

module.exports = { DockerIsol8, Isol8 };
