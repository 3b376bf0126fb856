// The engines.

import type { CleanupResult, DockerConnection } from "./docker.cjs";
import type {
  EventStream,
  ExecuteOptions,
  ExecutionRequest,
  ExecutionResult,
  StartOptions,
  StreamEvent,
} from "./execution.cjs";
import type { DockerIsol8Options, Isol8Options } from "./options.cjs";

/**
 * What local and remote engines have in common. A failed call rejects with an `Error`; those of the
 * local engine carry a stable `code` such as `"ISOL8_DOCKER_UNREACHABLE"`.
 */
export interface Isol8Engine {
  /** Prepares: nothing by default. Calling it is optional for a local engine. */
  start(options?: StartOptions): Promise<void>;
  /** Ends every execution and sandbox of this engine. May be called more than once. */
  stop(): Promise<void>;
  /** Runs a program to its end. */
  execute(request: ExecutionRequest, options?: ExecuteOptions): Promise<ExecutionResult>;
  /** Runs a program and tells what happens. Leaving the loop ends it; a slow loop slows it down. */
  executeStream(request: ExecutionRequest, options?: ExecuteOptions): AsyncIterable<StreamEvent>;
  /** Writes a file into the sandbox (persistent mode, after the first execution). */
  putFile(path: string, content: string | Uint8Array): Promise<void>;
  /** Reads a file of the sandbox, of at most 512 MiB (persistent mode, after the first execution). */
  getFile(path: string): Promise<Buffer>;
}

/** What both engines of this package have. Only its types are here: neither inherits from anything. */
declare abstract class Engine implements Isol8Engine {
  start(options?: StartOptions): Promise<void>;
  stop(): Promise<void>;
  execute(request: ExecutionRequest, options?: ExecuteOptions): Promise<ExecutionResult>;
  executeStream(request: ExecutionRequest, options?: ExecuteOptions): EventStream;
  putFile(path: string, content: string | Uint8Array): Promise<void>;
  getFile(path: string): Promise<Buffer>;
  /** The container of a persistent local engine, once there is one. */
  get containerId(): string | null;
}

/** Runs programs in sandboxes of the Docker daemon. */
export declare class DockerIsol8 extends Engine {
  /**
   * Makes an engine; nothing is started yet. Throws when an option is not acceptable.
   *
   * @param options what is left out has its default
   * @param maxConcurrent executions at a time, 10 by default; more wait in order of arrival
   */
  constructor(options?: DockerIsol8Options, maxConcurrent?: number);
  /** Removes sandboxes that were left behind. Images stay. */
  static cleanup(docker?: DockerConnection): Promise<CleanupResult>;
  /** Removes the images that isol8 built. */
  static cleanupImages(docker?: DockerConnection): Promise<CleanupResult>;
}

/** Where an isol8 server is. */
export interface RemoteIsol8Options {
  /** Address such as `"http://localhost:3000"`. */
  host: string;
  /** Key for `Authorization: Bearer`. */
  apiKey: string;
  /** Session of the server; with one, calls share a persistent sandbox. */
  sessionId?: string;
}

/** A session of a server. */
export interface SessionInfo {
  /** Its id. */
  id: string;
  /** Whether something runs in it. */
  isActive: boolean;
  /** When it was last used. */
  lastAccessedAt: string;
}

/**
 * Runs programs on an isol8 server. `start` checks that it answers, `stop` ends the session if there is
 * one; file calls need one. Streams come by WebSocket where the platform has one (Node 22, Bun, Deno),
 * else by server-sent events.
 */
export declare class RemoteIsol8 extends Engine {
  /** `options` override the server's defaults, as far as it allows. */
  constructor(connection: RemoteIsol8Options, options?: Isol8Options);
  /** The sessions that this key may see. */
  listSessions(): Promise<SessionInfo[]>;
  /** Ends a session; an unknown one is no error. */
  deleteSession(id: string): Promise<void>;
}

/** What a client sends over a server's WebSocket. */
export type WsClientMessage =
  | {
      type: "execute";
      request: ExecutionRequest;
      options?: Isol8Options;
      sessionId?: string;
    }
  | { type: "stdin"; data: string }
  | { type: "signal"; signal: "SIGINT" | "SIGTERM" };

/** What a server sends over its WebSocket. */
export type WsServerMessage = StreamEvent;
