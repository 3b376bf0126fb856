// The types that programs were written against, member by member, as they were documented: what ours
// ask for is no more than these give, and what ours give is no less than these expect. Never run.

import {
  DockerIsol8,
  type DockerIsol8Options,
  type ExecutionRequest,
  type ExecutionResult,
  type Isol8Config,
  type Isol8Engine,
  type Isol8Options,
  loadConfig,
  type NetworkFilterConfig,
  type PrebuiltImageConfig,
  type RemoteCodePolicy,
  RemoteIsol8,
  type RemoteIsol8Options,
  type Runtime,
  type RuntimeAdapter,
  type RuntimeCommandOptions,
  type SessionInfo,
  type StreamEvent,
  type WsClientMessage,
  type WsServerMessage,
} from "@isol8/core";
import type { Expect } from "./equal.js";

interface Options {
  mode?: "ephemeral" | "persistent";
  network?: "none" | "host" | "filtered";
  networkFilter?: { whitelist: string[]; blacklist: string[] };
  cpuLimit?: number;
  memoryLimit?: string;
  pidsLimit?: number;
  readonlyRootFs?: boolean;
  maxOutputSize?: number;
  secrets?: Record<string, string>;
  timeoutMs?: number;
  image?: string;
  sandboxSize?: string;
  tmpSize?: string;
  debug?: boolean;
  persist?: boolean;
  logNetwork?: boolean;
  security?: { seccomp?: "strict" | "unconfined" | "custom"; customProfilePath?: string };
  audit?: Partial<Audit>;
  remoteCode?: CodePolicy;
  poolStrategy?: "fast" | "secure";
  poolSize?: number | { clean: number; dirty: number };
}

interface Audit {
  enabled: boolean;
  destination: string;
  logDir?: string;
  postLogScript?: string;
  trackResources: boolean;
  retentionDays: number;
  includeCode: boolean;
  includeOutput: boolean;
}

interface CodePolicy {
  enabled: boolean;
  allowedSchemes: string[];
  allowedHosts: string[];
  blockedHosts: string[];
  maxCodeSize: number;
  fetchTimeoutMs: number;
  requireHash: boolean;
  enableCache: boolean;
  cacheTtl: number;
}

interface Request {
  runtime: "python" | "node" | "bun" | "deno" | "bash" | "agent";
  code?: string;
  codeUrl?: string;
  cmd?: string;
  codeHash?: string;
  allowInsecureCodeUrl?: boolean;
  timeoutMs?: number;
  env?: Record<string, string>;
  fileExtension?: string;
  stdin?: string;
  files?: Record<string, string | Buffer>;
  outputPaths?: string[];
  installPackages?: string[];
  metadata?: Record<string, string>;
  setupScript?: string;
  workdir?: string;
  agentFlags?: string;
}

interface Usage {
  cpuPercent: number;
  memoryMB: number;
  peakMemoryMB?: number;
  networkBytesIn: number;
  networkBytesOut: number;
}

interface NetworkLog {
  timestamp: string;
  method: string;
  host: string;
  path: string | null;
  action: "ALLOW" | "BLOCK";
  durationMs: number;
}

interface Result {
  stdout: string;
  stderr: string;
  exitCode: number;
  durationMs: number;
  truncated: boolean;
  executionId: string;
  runtime: string;
  timestamp: string;
  containerId?: string;
  files?: Record<string, string>;
  resourceUsage?: Usage;
  networkLogs?: NetworkLog[];
}

interface Event {
  type: "stdout" | "stderr" | "exit" | "error";
  data: string;
  phase?: "setup" | "code";
}

interface Config {
  maxConcurrent: number;
  defaults: {
    timeoutMs: number;
    memoryLimit: string;
    cpuLimit: number;
    network: "none" | "host" | "filtered";
    sandboxSize: string;
    tmpSize: string;
    readonlyRootFs: boolean;
  };
  network: { whitelist: string[]; blacklist: string[] };
  cleanup: { autoPrune: boolean; maxContainerAgeMs: number };
  poolStrategy: "fast" | "secure";
  poolSize: number | { clean: number; dirty: number };
  security: { seccomp: "strict" | "unconfined" | "custom"; customProfilePath?: string };
  remoteCode: CodePolicy;
  audit: Audit;
  auth: {
    enabled: boolean;
    connectionString?: string;
    defaultTtlMs: number;
    cleanupIntervalMs: number;
  };
  prebuiltImages: {
    tag: string;
    runtime: string;
    installPackages: string[];
    setupScript?: string;
  }[];
  dependencies: {
    python?: string[];
    node?: string[];
    bun?: string[];
    deno?: string[];
    bash?: string[];
  };
  debug: boolean;
}

interface Adapter {
  name: string;
  image: string;
  getCommand(code: string, filePath?: string): string[];
  getCommandWithOptions?(
    code: string,
    options: { filePath?: string; agentFlags?: string },
  ): string[];
  getFileExtension(): string;
}

type ClientMessage =
  | { type: "execute"; request: Request; options?: Options; sessionId?: string }
  | { type: "stdin"; data: string }
  | { type: "signal"; signal: "SIGINT" | "SIGTERM" };

/** That a value of type `Given` may be passed where `Wanted` is asked for. */
type Fits<Given, Wanted> = Given extends Wanted ? true : false;

export type Checks = [
  Expect<Fits<Options, Isol8Options>>,
  Expect<Fits<Options, DockerIsol8Options>>,
  Expect<Fits<{ whitelist: string[]; blacklist: string[] }, NetworkFilterConfig>>,
  Expect<Fits<CodePolicy, RemoteCodePolicy>>,
  Expect<Fits<Request, ExecutionRequest>>,
  Expect<Fits<Adapter, RuntimeAdapter>>,
  Expect<Fits<ClientMessage, WsClientMessage>>,
  Expect<Fits<{ host: string; apiKey: string; sessionId?: string }, RemoteIsol8Options>>,
  Expect<Fits<{ filePath?: string; agentFlags?: string }, RuntimeCommandOptions>>,
  Expect<Fits<ExecutionResult, Result>>,
  Expect<Fits<StreamEvent, Event>>,
  Expect<Fits<WsServerMessage, Event>>,
  Expect<Fits<Isol8Config, Config>>,
  Expect<Fits<PrebuiltImageConfig, Config["prebuiltImages"][number]>>,
  Expect<Fits<RemoteCodePolicy, CodePolicy>>,
  Expect<Fits<RuntimeAdapter, Omit<Adapter, "getCommandWithOptions">>>,
  Expect<Fits<Request["runtime"], Runtime>>,
  // Nothing was taken away: each name is still a name of ours.
  Expect<Fits<keyof Options, keyof Isol8Options>>,
  Expect<Fits<keyof Request, keyof ExecutionRequest>>,
  Expect<Fits<keyof Result, keyof ExecutionResult>>,
  Expect<Fits<keyof Event, keyof StreamEvent>>,
  Expect<Fits<keyof Config, keyof Isol8Config>>,
  Expect<Fits<SessionInfo, { id: string; isActive: boolean; lastAccessedAt: string }>>,
];

/** An engine of the caller's own, as tests have them. */
class OwnEngine implements Isol8Engine {
  async start(): Promise<void> {}
  async stop(): Promise<void> {}
  async execute(_request: ExecutionRequest): Promise<ExecutionResult> {
    throw new Error("not here");
  }
  async *executeStream(_request: ExecutionRequest): AsyncIterable<StreamEvent> {
    yield { type: "exit", data: "0" };
  }
  async putFile(_path: string, _content: Buffer | string): Promise<void> {}
  async getFile(_path: string): Promise<Buffer> {
    return Buffer.alloc(0);
  }
}

/** An engine made of the configuration, as programs do it. */
function configured(): DockerIsol8 {
  const config = loadConfig();
  const options: DockerIsol8Options = {
    ...config.defaults,
    networkFilter: config.network,
    poolStrategy: config.poolStrategy,
    poolSize: config.poolSize,
    security: config.security,
    remoteCode: config.remoteCode,
    audit: config.audit,
    debug: config.debug,
  };
  return new DockerIsol8(options, config.maxConcurrent);
}

export const engines: Isol8Engine[] = [
  new OwnEngine(),
  configured(),
  new RemoteIsol8({ host: "http://localhost:3000", apiKey: "key" }, { network: "none" }),
];
