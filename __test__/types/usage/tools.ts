// Images, runtimes, the configuration, servers and tools: what does not compile here does not for users. Never run; checked by `tsc` under both module resolutions.

import {
  AgentAdapter,
  type AuthConfig,
  BunAdapter,
  bashAdapter,
  buildBaseImages,
  buildCustomImage,
  createServer,
  DenoAdapter,
  type ImageProgress,
  type ImageSources,
  type Isol8Config,
  type Isol8Error,
  type Isol8Server,
  imageExists,
  LABELS,
  loadConfig,
  logger,
  type NetworkMode,
  NodeAdapter,
  type PartialConfig,
  type PrebuiltImageConfig,
  PythonAdapter,
  QueueFullError,
  QueueTimeoutError,
  type RuntimeAdapter,
  type RuntimeCommandOptions,
  RuntimeRegistry,
  Semaphore,
  type SemaphoreOptions,
  type SemaphoreStats,
  type ServerOptions,
  type ShutdownOptions,
  VERSION,
} from "@isol8/core";
import { address } from "./options.js";

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

console.log(useImages, useRuntimes, useConfig, useServer, useTools);
