// The public types, by theme, for `require`. index.d.ts gives the same types to `import`.

export type {
  AuthConfig,
  Isol8Config,
  PrebuiltImageConfig,
} from "./types/config.cjs";
export { loadConfig } from "./types/config.cjs";
export type { CleanupResult, DockerAddress, DockerConnection } from "./types/docker.cjs";
export type {
  Isol8Engine,
  RemoteIsol8Options,
  SessionInfo,
  WsClientMessage,
  WsServerMessage,
} from "./types/engine.cjs";
export { DockerIsol8, Isol8, RemoteIsol8 } from "./types/engine.cjs";
export type { ErrorCode } from "./types/errors.cjs";
export { Isol8Error } from "./types/errors.cjs";
export type {
  EventStream,
  ExecuteOptions,
  ExecutionRequest,
  ExecutionResult,
  NetworkLogEntry,
  Preload,
  ResourceUsage,
  Runtime,
  SessionReset,
  StartOptions,
  StreamEvent,
  StreamResult,
  StrictExecutionRequest,
  StrictStreamEvent,
  Termination,
} from "./types/execution.cjs";
export type { ImageProgress, ImageSources } from "./types/images.cjs";
export { buildBaseImages, buildCustomImage, imageExists, LABELS } from "./types/images.cjs";
export type {
  AuditConfig,
  BackendOptions,
  ConfiguredOptions,
  DockerIsol8Options,
  InstallRegistries,
  Isol8Backend,
  Isol8Mode,
  Isol8Options,
  ListLimits,
  NetworkFilterConfig,
  NetworkMode,
  PoolSize,
  RemoteCodePolicy,
  RequestLimits,
  SecurityConfig,
  TextLimits,
} from "./types/options.cjs";
export type { RuntimeAdapter, RuntimeCommandOptions } from "./types/runtime.cjs";
export {
  AgentAdapter,
  BunAdapter,
  bashAdapter,
  DenoAdapter,
  NodeAdapter,
  PythonAdapter,
  RuntimeRegistry,
} from "./types/runtime.cjs";
export type {
  Isol8Server,
  PartialConfig,
  ServerOptions,
  ShutdownOptions,
} from "./types/server.cjs";
export { createServer } from "./types/server.cjs";
export type { LogLine, SemaphoreOptions, SemaphoreStats } from "./types/tools.cjs";
export {
  logger,
  QueueFullError,
  QueueTimeoutError,
  Semaphore,
  VERSION,
} from "./types/tools.cjs";
