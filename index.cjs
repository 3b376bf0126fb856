"use strict";
// The public exports. One implementation serves `require` and `import`, so that both get the same classes
// and the same runtime registry.

const { loadConfig } = require("./lib/config.cjs");
const { Isol8Error } = require("./lib/errors.cjs");
const { LABELS, buildBaseImages, buildCustomImage, imageExists } = require("./lib/images.cjs");
const { DockerIsol8, Isol8 } = require("./lib/isol8.cjs");
const { logger } = require("./lib/logger.cjs");
const { RemoteIsol8 } = require("./lib/remote-isol8.cjs");
const adapters = require("./lib/runtime/adapters.cjs");
const { RuntimeRegistry } = require("./lib/runtime/registry.cjs");
const { QueueFullError, QueueTimeoutError, Semaphore } = require("./lib/semaphore.cjs");
const { createServer } = require("./lib/server.cjs");
const { VERSION } = require("./lib/version.cjs");

module.exports = {
  AgentAdapter: adapters.AgentAdapter,
  BunAdapter: adapters.BunAdapter,
  DenoAdapter: adapters.DenoAdapter,
  DockerIsol8,
  Isol8,
  Isol8Error,
  LABELS,
  NodeAdapter: adapters.NodeAdapter,
  PythonAdapter: adapters.PythonAdapter,
  QueueFullError,
  QueueTimeoutError,
  RemoteIsol8,
  RuntimeRegistry,
  Semaphore,
  VERSION,
  bashAdapter: adapters.bashAdapter,
  buildBaseImages,
  buildCustomImage,
  createServer,
  imageExists,
  loadConfig,
  logger,
};
