// Options and requests, each member used: what does not compile here does not for users. Never run; checked by `tsc` under both module resolutions.

import {
  type AuditConfig,
  type DockerAddress,
  type DockerConnection,
  type DockerIsol8Options,
  type ExecutionRequest,
  type InstallRegistries,
  type Isol8Mode,
  type Isol8Options,
  type ListLimits,
  type LogLine,
  logger,
  type NetworkFilterConfig,
  type NetworkMode,
  type PoolSize,
  type Preload,
  type RemoteCodePolicy,
  type RequestLimits,
  type Runtime,
  type SecurityConfig,
  type TextLimits,
} from "@isol8/core";

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
export const address: DockerAddress = { socketPath: "/s", host: "h", port: 1, protocol: "https" };
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
export const common: Required<Isol8Options> = {
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
export const options: DockerIsol8Options = {
  ...common,
  docker: connections[0] as DockerConnection,
  onProgress: ({ runtime, status, message }) => console.log(runtime, status, message),
};
const line: LogLine = { level: "debug", time: "", message: "" };
logger.setSink(({ level, time, message, executionId, requestId }) =>
  console.log(level, time, message, executionId, requestId),
);
logger.setSink(line.executionId === undefined ? null : undefined);

export const request: Required<ExecutionRequest> = {
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
export const minimal: ExecutionRequest = { runtime: "mine" satisfies Runtime, cmd: "true" };
