// What the package offers to `import`: the very objects that `require` gives.

import isol8 from "./index.cjs";

export const {
  AgentAdapter,
  BunAdapter,
  DenoAdapter,
  DockerIsol8,
  LABELS,
  NodeAdapter,
  PythonAdapter,
  RemoteIsol8,
  RuntimeRegistry,
  Semaphore,
  VERSION,
  bashAdapter,
  buildBaseImages,
  buildCustomImage,
  imageExists,
  loadConfig,
  logger,
} = isol8;
