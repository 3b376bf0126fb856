// Engines, local and remote, and what they return: what does not compile here does not for users. Never run; checked by `tsc` under both module resolutions.

import {
  type BackendOptions,
  type CleanupResult,
  type ConfiguredOptions,
  DockerIsol8,
  type ErrorCode,
  type EventStream,
  type ExecuteOptions,
  type ExecutionResult,
  Isol8,
  type Isol8Backend,
  type Isol8Engine,
  loadConfig,
  type NetworkLogEntry,
  RemoteIsol8,
  type RemoteIsol8Options,
  type ResourceUsage,
  type Runtime,
  type SessionInfo,
  type SessionReset,
  type StartOptions,
  type StreamEvent,
  type StreamResult,
  type Termination,
  type WsClientMessage,
  type WsServerMessage,
} from "@isol8/core";
import * as remote from "@isol8/core/remote";
import { address, common, minimal, options, request } from "./options.js";

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

console.log(useDocker, useRemote);
