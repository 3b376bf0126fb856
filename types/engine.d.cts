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
import type {
  BackendOptions,
  ConfiguredOptions,
  DockerIsol8Options,
  Isol8Options,
} from "./options.cjs";
import type { Bytes } from "./platform.cjs";

/**
 * The interface of local and remote engines. A failed call rejects with an `Isol8Error`, and an aborted one with the reason
 * of its signal.
 */
export interface Isol8Engine {
  /** Makes sandboxes ready, if `prewarm` asks for it. Calling it is optional for a local engine. */
  start(options?: StartOptions): Promise<void>;
  /**
   * Ends every execution and sandbox of this engine. May be called more than once. The engine can be used again. Resolves
   * within 10 seconds: what Docker has not removed then is removed in the background.
   */
  stop(): Promise<void>;
  /** Runs a program and resolves with its result. */
  execute(request: ExecutionRequest, options?: ExecuteOptions): Promise<ExecutionResult>;
  /** Runs a program and yields its events. Leaving the loop ends the program. A slow loop slows it down. */
  executeStream(request: ExecutionRequest, options?: ExecuteOptions): AsyncIterable<StreamEvent>;
  /**
   * Writes a file into the sandbox (persistent mode, after the first execution or a `start` that names the runtime). Also
   * while a program runs.
   */
  putFile(path: string, content: string | Uint8Array): Promise<void>;
  /** Reads a file of the sandbox, of at most 512 MiB. The rules of `putFile` hold. */
  getFile(path: string): Promise<Bytes>;
}

/** The members that the classes share. It exists for types only: no class of this name is exported. */
declare abstract class Engine implements Isol8Engine {
  start(options?: StartOptions): Promise<void>;
  /** Resolves when Docker, or the server, answers. Rejects with the reason otherwise. */
  ping(): Promise<void>;
  stop(): Promise<void>;
  /** The same as `stop`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>;
  execute(request: ExecutionRequest, options?: ExecuteOptions): Promise<ExecutionResult>;
  executeStream(request: ExecutionRequest, options?: ExecuteOptions): EventStream;
  putFile(path: string, content: string | Uint8Array): Promise<void>;
  getFile(path: string): Promise<Bytes>;
  /** Id of the container of a persistent local engine. `null` before the first execution and in all other engines. */
  get containerId(): string | null;
}

/**
 * Runs programs in sandboxes of the backend that the option `backend` names. The default is Docker where a daemon answers,
 * and Linux namespaces of this machine otherwise.
 */
export declare class Isol8 extends Engine {
  /**
   * Makes an engine. Starts nothing yet. Throws for an invalid option, and for one that the chosen backend cannot honour.
   * With `"auto"`, the latter is an error of the first execution.
   *
   * @param options a field that is left out has its default. A configuration works as well: its sections become options,
   * and `ISOL8_BACKEND` goes over its `backend`
   * @param maxConcurrent as for `DockerIsol8`
   */
  constructor(options?: BackendOptions | ConfiguredOptions, maxConcurrent?: number);
}

/** Runs programs in Docker containers, whatever `ISOL8_BACKEND` says. */
export declare class DockerIsol8 extends Engine {
  /**
   * Makes an engine. Starts nothing yet. Throws for an invalid option.
   *
   * @param options a field that is left out has its default. A configuration works as well: its sections become options
   * @param maxConcurrent largest number of executions at a time: that of a configuration, else 10. More executions wait, in
   * order
   */
  constructor(options?: DockerIsol8Options | ConfiguredOptions, maxConcurrent?: number);
  /** Removes containers of isol8 that no living process uses. Images stay. */
  static cleanup(docker?: DockerConnection): Promise<CleanupResult>;
  /** Removes the images that isol8 built. */
  static cleanupImages(docker?: DockerConnection): Promise<CleanupResult>;
}

/** The address of an isol8 server. */
export interface RemoteIsol8Options {
  /** Address such as `"http://localhost:3000"`, or `"unix:/run/isol8.sock"` for a Unix socket, which the native client has. */
  host: string;
  /** Key for `Authorization: Bearer`. */
  apiKey: string;
  /** Id of a session on the server. With an id, all calls share a persistent sandbox. */
  sessionId?: string | undefined;
}

/** A session of a server. */
export interface SessionInfo {
  /** Its id. */
  id: string;
  /** Whether an execution is running in it. */
  isActive: boolean;
  /** Time of the last use. */
  lastAccessedAt: string;
  /** The tenant that it belongs to. Only the server's master key sees sessions of tenants. */
  tenantId?: string;
}

/**
 * Runs programs on an isol8 server. `start` checks that the server answers. `stop` deletes the session, if there
 * is one. File calls need a session. Streams use a WebSocket, and server-sent events where none opens. The class of
 * `@isol8/core/remote` is free of native code. It uses a WebSocket where the platform has one (Node 22, Bun, Deno), and
 * is what `@isol8/core` uses on platforms without a native package.
 */
export declare class RemoteIsol8 extends Engine {
  /**
   * Makes a client. Connects to nothing yet. Throws when `connection` has no text for `host`, or something else than a text for
   * `apiKey`, and when `host` is no web address. `options` override the server's defaults, as far as the server allows.
   */
  constructor(connection: RemoteIsol8Options, options?: Isol8Options);
  /** Lists the sessions that this key may see. */
  listSessions(): Promise<SessionInfo[]>;
  /** Deletes a session. An unknown id is no error. */
  deleteSession(id: string): Promise<void>;
}

/** What a client sends over a server's WebSocket. */
export type WsClientMessage =
  | {
      type: "execute";
      request: ExecutionRequest;
      options?: Isol8Options | undefined;
      sessionId?: string | undefined;
      /** `"open"`: the program's input stays open for `stdin` messages. Without it, the input is at its end. */
      stdin?: "open" | undefined;
    }
  /** Text for the program's input. `end` closes the input after it. */
  | { type: "stdin"; data: string; end?: boolean | undefined }
  /** A signal for the program. */
  | { type: "signal"; signal: "SIGINT" | "SIGTERM" };

/** What a server sends over its WebSocket. */
export type WsServerMessage = StreamEvent;
