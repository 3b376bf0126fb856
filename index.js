// The package for `import`. It exports the same objects as `require`.

import isol8 from "./index.cjs";

export const {
  AgentAdapter,
  BunAdapter,
  DenoAdapter,
  DockerIsol8,
  Isol8,
  Isol8Error,
  LABELS,
  NodeAdapter,
  PythonAdapter,
  QueueFullError,
  QueueTimeoutError,
  RemoteIsol8,
  RuntimeRegistry,
  Semaphore,
  VERSION,
  bashAdapter,
  buildBaseImages,
  buildCustomImage,
  createServer,
  imageExists,
  loadConfig,
  logger,
} = isol8;
