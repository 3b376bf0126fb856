// Every export and type by name, each member used: what does not compile here does not for users.
// Never run; checked by `tsc` under both module resolutions.

import {
  AgentAdapter,
  type AuditConfig,
  type AuthConfig,
  type BackendOptions,
  BunAdapter,
  bashAdapter,
  buildBaseImages,
  buildCustomImage,
  type CleanupResult,
  type ConfiguredOptions,
  createServer,
  DenoAdapter,
  type DockerAddress,
  type DockerConnection,
  DockerIsol8,
  type DockerIsol8Options,
  type ErrorCode,
  type EventStream,
  type ExecuteOptions,
  type ExecutionRequest,
  type ExecutionResult,
  type ImageProgress,
  type ImageSources,
  type InstallRegistries,
  Isol8,
  type Isol8Backend,
  type Isol8Config,
  type Isol8Engine,
  Isol8Error,
  type Isol8Mode,
  type Isol8Options,
  type Isol8Server,
  imageExists,
  LABELS,
  type ListLimits,
  type LogLine,
  loadConfig,
  logger,
  type NetworkFilterConfig,
  type NetworkLogEntry,
  type NetworkMode,
  NodeAdapter,
  type PartialConfig,
  type PoolSize,
  type PrebuiltImageConfig,
  type Preload,
  PythonAdapter,
  QueueFullError,
  QueueTimeoutError,
  type RemoteCodePolicy,
  RemoteIsol8,
  type RemoteIsol8Options,
  type RequestLimits,
  type ResourceUsage,
  type Runtime,
  type RuntimeAdapter,
  type RuntimeCommandOptions,
  RuntimeRegistry,
  type SecurityConfig,
  Semaphore,
  type SemaphoreOptions,
  type SemaphoreStats,
  type ServerOptions,
  type SessionInfo,
  type SessionReset,
  type ShutdownOptions,
  type StartOptions,
  type StreamEvent,
  type StreamResult,
  type StrictExecutionRequest,
  type StrictStreamEvent,
  type Termination,
  type TextLimits,
  VERSION,
  type WsClientMessage,
  type WsServerMessage,
} from "@isol8/core";
import * as remote from "@isol8/core/remote";
import type { Equal, Expect } from "./equal.js";

const mode: Isol8Mode = "persistent";
const network: NetworkMode = "filtered";
// `Required`: each member is used, and a new one must be.
const networkFilter: Required<NetworkFilterConfig> = {
  whitelist: ["^a$"],
  blacklist: [],
  hosts: { "a.test": "127.0.0.1", "b.test": ["::1"] },
  allowPrivate: ["10.0.0.0/8"],
  allowLoopback: ["127.0.0.1"],
  ports: [443],
};
const security: Required<SecurityConfig> = {
  seccomp: "custom",
  ownUser: true,
  customProfilePath: "/p",
  runtime: "runsc",
};
const audit: Required<AuditConfig> = {
  enabled: true,
  destination: "filesystem",
  logDir: "/l",
  postLogScript: "/s",
  trackResources: true,
  retentionDays: 1,
  includeCode: false,
  includeOutput: false,
};
const remoteCode: RemoteCodePolicy = {
  enabled: true,
  allowedSchemes: ["https"],
  allowedHosts: [],
  blockedHosts: [],
  allowPrivate: ["10.0.0.0/8"],
  maxCodeSize: 1,
  fetchTimeoutMs: 1,
  requireHash: false,
  enableCache: true,
  cacheTtl: 1,
};
const poolSizes: PoolSize[] = [1, { clean: 1, dirty: 1 }, { clean: 2 }];
const address: DockerAddress = { socketPath: "/s", host: "h", port: 1, protocol: "https" };
const connections: DockerConnection[] = [address, { modem: {} }, { ca: "", cert: [], key: "" }];

const preload: Preload = { python: ["numpy"], node: ["lodash"] };
const installRegistries: Required<InstallRegistries> = {
  python: ["https://pypi.example/simple"],
  node: [],
  bun: [],
  deno: [],
  bash: [],
  agent: [],
};
const text: Required<TextLimits> = { allowed: true, maxBytes: 1 };
const list: Required<ListLimits> = { ...text, maxCount: 1 };
const requestLimits: Required<RequestLimits> = {
  preset: "strict",
  timeoutMs: 1,
  maxWaitingBytes: 1,
  code: text,
  codeUrl: text,
  cmd: text,
  allowInsecureCodeUrl: { allowed: false },
  env: list,
  fileExtension: text,
  stdin: text,
  files: list,
  outputPaths: list,
  installPackages: list,
  metadata: list,
  setupScript: text,
  workdir: text,
  agentFlags: text,
};
const limits: Isol8Options["requestLimits"][] = ["default", "strict", { preset: "strict" }];
const common: Required<Isol8Options> = {
  mode,
  network,
  networkFilter,
  installNetwork: true,
  installRegistries,
  trustedImages: ["mine:1"],
  cpuLimit: 0.5,
  memoryLimit: "1g",
  pidsLimit: 10,
  readonlyRootFs: true,
  maxOutputSize: 1,
  maxOutputFilesSize: 1,
  secrets: { A: "b" },
  timeoutMs: 1,
  image: "i",
  sandboxSize: "1m",
  tmpSize: "1m",
  volumeSize: "1m",
  debug: false,
  persist: false,
  logNetwork: true,
  security,
  audit,
  remoteCode,
  poolStrategy: "secure",
  idleMs: 60_000,
  requestLimits: limits[0] ?? requestLimits,
  preload,
  poolSize: poolSizes[0] as PoolSize,
};
const options: DockerIsol8Options = {
  ...common,
  docker: connections[0] as DockerConnection,
  onProgress: ({ runtime, status, message }) => console.log(runtime, status, message),
};
const line: LogLine = { level: "debug", time: "", message: "" };
logger.setSink(({ level, time, message, executionId, requestId }) =>
  console.log(level, time, message, executionId, requestId),
);
logger.setSink(line.executionId === undefined ? null : undefined);

const request: Required<ExecutionRequest> = {
  runtime: "python",
  code: "1",
  codeUrl: "",
  cmd: "",
  codeHash: "",
  allowInsecureCodeUrl: false,
  timeoutMs: 1,
  env: {},
  fileExtension: ".py",
  stdin: "",
  files: { "/sandbox/a": "text", "/sandbox/b": Buffer.from("b"), "/sandbox/c": new Uint8Array() },
  outputPaths: [],
  outputEncoding: "base64",
  installPackages: [],
  metadata: { userId: "u" },
  setupScript: "",
  workdir: "w",
  agentFlags: "",
};

// A minimal request, and a runtime of one's own.
const minimal: ExecutionRequest = { runtime: "mine" satisfies Runtime, cmd: "true" };

async function useEngine(engine: Isol8Engine): Promise<void> {
  const start: StartOptions = { prewarm: { runtimes: ["python"] } };
  await engine.start(start);
  await engine.start({ prewarm: true, strict: true });
  const execute: ExecuteOptions = {
    signal: new AbortController().signal,
    onStdout: (data) => console.log(data.length),
    onStderr: async (data) => console.log(data.length),
  };
  const result: ExecutionResult = await engine.execute(request, execute);
  const texts: string[] = [result.stdout, result.stderr, result.executionId, result.timestamp];
  const numbers: number[] = [result.exitCode, result.durationMs];
  const truncated: boolean = result.truncated;
  const runtime: Runtime = result.runtime;
  const container: string | undefined = result.containerId;
  const files: Record<string, string> | undefined = result.files;
  const usage: ResourceUsage | undefined = result.resourceUsage;
  if (usage) numbers.push(usage.cpuPercent, usage.memoryMB, usage.networkBytesIn);
  if (usage) numbers.push(usage.networkBytesOut, usage.peakMemoryMB ?? 0);
  const reset: SessionReset | undefined = result.sessionReset;
  if (reset === "sandbox-lost") texts.push(reset);
  const end: Termination | undefined = result.termination;
  if (end === "signal") texts.push(end, result.signal ?? "");
  const log: NetworkLogEntry | undefined = result.networkLogs?.[0];
  if (log) texts.push(log.timestamp, log.method, log.host, log.path ?? "", log.action);
  if (log) numbers.push(log.durationMs);
  for await (const event of engine.executeStream(minimal, execute)) {
    const same: StreamEvent = event;
    texts.push(same.type, same.data, same.phase ?? "");
    const code: ErrorCode | undefined = same.code;
    if (code === "ISOL8_SETUP") texts.push(code);
  }
  await engine.putFile("/sandbox/a", "text");
  await engine.putFile("/sandbox/a", Buffer.from("bytes"));
  const content: Buffer = await engine.getFile("/sandbox/a");
  await engine.stop();
  console.log(texts, numbers, truncated, runtime, container, files, content.toString());
}

async function useDocker(): Promise<void> {
  const engine = new DockerIsol8(options, 4);
  const id: string | null = engine.containerId;
  await engine.ping();
  const stream: EventStream = engine.executeStream(minimal);
  for await (const { data } of stream) console.log(data);
  const concluded: StreamResult | undefined = stream.result;
  console.log(concluded?.truncated, concluded?.resourceUsage?.cpuPercent, concluded?.exitCode);
  await useEngine(engine);
  await useEngine(new DockerIsol8());
  await useEngine(new DockerIsol8(loadConfig()));
  const configured: ConfiguredOptions = { ...loadConfig(), mode: "persistent" };
  await useEngine(new DockerIsol8(configured));
  const backend: Isol8Backend = "local";
  const chosen: BackendOptions = { ...common, backend, limits: "best-effort" };
  await useEngine(new Isol8(chosen, 4));
  await useEngine(new Isol8());
  await useEngine(new Isol8(configured));
  const cleaned: CleanupResult = await DockerIsol8.cleanup();
  const images: CleanupResult = await DockerIsol8.cleanupImages(address);
  console.log(id, cleaned.removed + images.failed, cleaned.errors.join());
}

async function useRemote(): Promise<void> {
  const where: RemoteIsol8Options = { host: "http://h", apiKey: "k", sessionId: "s" };
  const engine = new RemoteIsol8(where, common);
  await useEngine(engine);
  const portable: RemoteIsol8 = new remote.RemoteIsol8(where);
  await useEngine(portable);
  const [session]: SessionInfo[] = await engine.listSessions();
  if (session?.isActive) await engine.deleteSession(session.id);
  console.log(session?.lastAccessedAt);
  const sent: WsClientMessage[] = [
    { type: "execute", request, options: common, sessionId: "s" },
    { type: "execute", request, stdin: "open" },
    { type: "stdin", data: "" },
    { type: "stdin", data: "x", end: true },
    { type: "signal", signal: "SIGINT" },
  ];
  const received: WsServerMessage = { type: "exit", data: "0", phase: "code" };
  console.log(sent, received);
}

async function useImages(): Promise<void> {
  const report = (progress: ImageProgress) =>
    console.log(progress.runtime, progress.status, progress.message);
  const sources: ImageSources = {
    baseImage: "b",
    npmRegistry: "n",
    aptMirror: "a",
    caCertificates: "c",
  };
  await buildBaseImages();
  await buildBaseImages(null, report, true, ["python"], sources);
  await buildCustomImage(null, "python", ["numpy"], "example:numpy", report, true, "echo ready");
  const exists: boolean = await imageExists(address, "isol8:python");
  const labels: string[] = [LABELS.dockerHash, LABELS.depsHash, LABELS.runtime];
  labels.push(LABELS.dependencies, LABELS.setupScript);
  console.log(exists, labels);
}

function useRuntimes(): void {
  const command: RuntimeCommandOptions = { filePath: "/sandbox/main.txt", agentFlags: "-x" };
  const mine: RuntimeAdapter = {
    name: "mine",
    image: "mine:latest",
    getCommand: (code, filePath) => ["mine", filePath ?? code],
    getCommandWithOptions: (code, given) => ["mine", given?.filePath ?? code],
    getFileExtension: () => ".mine",
  };
  RuntimeRegistry.register(mine, [".m"]);
  const all: RuntimeAdapter[] = [PythonAdapter, NodeAdapter, BunAdapter, DenoAdapter, bashAdapter];
  all.push(RuntimeRegistry.get("mine"), RuntimeRegistry.detect("a.m"), ...RuntimeRegistry.list());
  console.log(AgentAdapter.getCommandWithOptions("prompt", command), all);
}

function useConfig(): void {
  const config: Isol8Config = loadConfig("/");
  const auth: AuthConfig = config.auth;
  const image: PrebuiltImageConfig | undefined = config.prebuiltImages[0];
  console.log(
    config.maxConcurrent,
    config.defaults.timeoutMs + config.defaults.cpuLimit,
    config.defaults.memoryLimit + config.defaults.sandboxSize + config.defaults.tmpSize,
    config.defaults.network satisfies NetworkMode,
    config.defaults.volumeSize satisfies string | undefined,
    config.defaults.readonlyRootFs,
    config.network.whitelist.concat(config.network.blacklist),
    config.cleanup.autoPrune && config.cleanup.maxContainerAgeMs,
    config.poolStrategy,
    config.poolSize,
    config.security.seccomp,
    config.remoteCode.enabled,
    config.audit.enabled,
    auth.enabled && auth.connectionString,
    auth.defaultTtlMs + auth.cleanupIntervalMs,
    image?.tag,
    image?.runtime,
    image?.installPackages,
    image?.setupScript,
    [config.dependencies.python, config.dependencies.node, config.dependencies.bun],
    [config.dependencies.deno, config.dependencies.bash],
    config.debug,
  );
}

async function useServer(): Promise<void> {
  const config: PartialConfig = {
    maxConcurrent: 1,
    queue: { maxSize: 1 },
    tenants: { all: { maxSessions: 1 } },
    poolSize: { clean: 1 },
  };
  const options: Required<ServerOptions> = {
    apiKey: "k",
    port: 0,
    hostname: "127.0.0.1",
    authDb: "/d",
    tlsCert: "/c.pem",
    tlsKey: "/k.pem",
    config,
    backend: "docker",
    limits: "required",
    docker: address,
    debug: false,
  };
  const server: Isol8Server = await createServer(options);
  console.log(server.port + 1, server.url.length);
  const end: Required<ShutdownOptions> = { graceMs: 0 };
  await server.shutdown(end);
  await server[Symbol.asyncDispose]();
  await createServer({ apiKey: "k", config: loadConfig() });
  // @ts-expect-error a key is needed
  await createServer({ port: 0 });
}

async function useTools(): Promise<void> {
  const semaphore = new Semaphore(1);
  await semaphore.acquire();
  semaphore.release();
  console.log(semaphore.available + semaphore.pending, VERSION);
  const options: Required<SemaphoreOptions> = { maxSize: 1, timeoutMs: 1 };
  const stats: Required<SemaphoreStats> = new Semaphore(1, options).stats;
  console.log(stats.available + stats.pending + stats.maxConcurrent);
  console.log(stats.maxSize + stats.timeoutMs);
  const refused: Isol8Error[] = [new QueueFullError(), new QueueTimeoutError(1)];
  console.log(refused.map(({ name, code }) => `${name} ${code}`));
  logger.setDebug(true);
  logger.debug("a", 1);
  logger.info("a");
  logger.warn("a");
  logger.error("a");
}

// What must not compile.
// @ts-expect-error a runtime is needed
const withoutRuntime: ExecutionRequest = { code: "1" };
// @ts-expect-error not a mode
const wrongMode: Isol8Options = { mode: "forever" };
// @ts-expect-error sizes are strings
const wrongSize: Isol8Options = { memoryLimit: 512 };
/** The unions narrow, and each is one of the interfaces. */
const strict: StrictExecutionRequest = { runtime: "bash", cmd: "true", timeoutMs: undefined };
const loose: ExecutionRequest = strict;
// @ts-expect-error two sources
const both: StrictExecutionRequest = { runtime: "bash", cmd: "true", code: "true" };
// @ts-expect-error no source
const none: StrictExecutionRequest = { runtime: "bash" };
// @ts-expect-error a hash of code that is not fetched
const hashed: StrictExecutionRequest = { runtime: "bash", code: "true", codeHash: "0" };
function codeOf(event: StrictStreamEvent): StreamEvent | ErrorCode | undefined {
  return event.type === "error" ? event.code : event;
}
console.log(loose, both, none, hashed, codeOf);

/** A test of one's own for callers. */
const lost: Isol8Error = new Isol8Error("gone", { code: "ISOL8_SANDBOX_LOST" });
if (lost.code === "ISOL8_SANDBOX_LOST") console.log(lost.name, lost.cause);

/** Whether every key of a type that may be left out may be undefined as well, under `exactOptionalPropertyTypes`. */
type OptionalKeys<Type> = {
  [Key in keyof Type]-?: object extends Pick<Type, Key> ? Key : never;
}[keyof Type];
type MayBeUndefined<Type> =
  { [Key in OptionalKeys<Type>]: undefined } extends Pick<Type, OptionalKeys<Type>> ? true : false;
type Section<Name extends keyof Isol8Options> = Extract<NonNullable<Isol8Options[Name]>, object>;

export type Checks = [
  Expect<Equal<WsServerMessage, StreamEvent>>,
  Expect<MayBeUndefined<DockerIsol8Options>>,
  Expect<MayBeUndefined<Section<"audit">>>,
  Expect<MayBeUndefined<Section<"networkFilter">>>,
  Expect<MayBeUndefined<Exclude<Section<"poolSize">, number>>>,
  Expect<MayBeUndefined<Section<"remoteCode">>>,
  Expect<MayBeUndefined<Section<"requestLimits">>>,
  Expect<MayBeUndefined<Section<"security">>>,
  Expect<MayBeUndefined<ExecutionRequest>>,
  Expect<MayBeUndefined<ExecuteOptions>>,
  Expect<MayBeUndefined<StartOptions>>,
  Expect<MayBeUndefined<Exclude<NonNullable<StartOptions["prewarm"]>, boolean>>>,
  Expect<MayBeUndefined<RemoteIsol8Options>>,
  Expect<MayBeUndefined<ServerOptions>>,
  Expect<MayBeUndefined<NonNullable<PartialConfig["defaults"]>>>,
  Expect<MayBeUndefined<NonNullable<PartialConfig["tenants"]>>>,
  Expect<MayBeUndefined<ShutdownOptions>>,
  Expect<MayBeUndefined<ImageSources>>,
  Expect<MayBeUndefined<SemaphoreOptions>>,
];

console.log(useDocker, useRemote, useImages, useRuntimes, useConfig, useServer, useTools);
console.log(withoutRuntime, wrongMode, wrongSize);
