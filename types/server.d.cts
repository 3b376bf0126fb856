// The server in this process.

import type { Isol8Config } from "./config.cjs";
import type { DockerConnection } from "./docker.cjs";
import type { Isol8Backend, Optional } from "./options.cjs";

/** A configuration of which any part may be left out, at the top and in each section. */
export type PartialConfig = {
  [Name in keyof Isol8Config]?:
    | (Isol8Config[Name] extends unknown[] | string | number | boolean
        ? Isol8Config[Name]
        : Optional<Isol8Config[Name]>)
    | undefined;
};

/** Options of `createServer`. An unknown one is an error. */
export interface ServerOptions {
  /** The master key. Who has it may do everything that this process may, as with `isol8 serve --key`. */
  apiKey: string;
  /** Port to listen on. 0 is any free one. Default: 3000; required where the configuration has `server.socket`. */
  port?: number | undefined;
  /** Address or name to listen at, such as `"127.0.0.1"`. Default: all interfaces. */
  hostname?: string | undefined;
  /** Database of tenants' keys: a path (SQLite), `postgres://…` or `mysql://…`. Default: that of `config.auth`, if enabled. */
  authDb?: string | undefined;
  /**
   * File of the certificate in PEM, with those between it and its authority. Connections are encrypted with it, and `url` is an
   * `https://` address. Read once. Default: `server.tlsCert` of the configuration, else connections are not encrypted.
   */
  tlsCert?: string | undefined;
  /** File of the certificate's private key in PEM. Default: `server.tlsKey` of the configuration. */
  tlsKey?: string | undefined;
  /** The configuration, with the limits of tenants and the queue. Default: what `loadConfig()` returns. */
  config?: PartialConfig | undefined;
  /** What runs sandboxes. Default: `ISOL8_BACKEND`, else that of the configuration. */
  backend?: Isol8Backend | undefined;
  /**
   * What the local backend does where this machine offers no control groups or no overlay file system. `"required"`: it
   * starts no sandbox. `"best-effort"`: it starts sandboxes all the same. They have the limits that can be had, and may
   * share inodes with the host. Default: that of the configuration.
   */
  limits?: "required" | "best-effort" | undefined;
  /** The Docker daemon: a dockerode instance, or an address. Default: found as the `docker` command finds it. */
  docker?: DockerConnection | undefined;
  /** Whether each step is explained on standard error. Default: that of the configuration. */
  debug?: boolean | undefined;
}

/** Options of `shutdown`. */
export interface ShutdownOptions {
  /** How long running calls may take to end, in milliseconds. Default: 30000. */
  graceMs?: number | undefined;
}

/** A server that accepts connections. It keeps its process alive. */
export interface Isol8Server {
  /** The port that it listens on. */
  readonly port: number;
  /** Its address for clients on this machine, such as `"http://localhost:3000"`. */
  readonly url: string;
  /**
   * Ends the server. New calls get 503, running calls may end within `graceMs`, and every sandbox is removed. Images stay.
   * Resolves when all that is done. May be called more than once: a later call with a shorter time ends running calls sooner.
   */
  shutdown(options?: ShutdownOptions): Promise<void>;
  /** The same as `shutdown`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Starts the server of `isol8 serve` in this process. Builds the images of the configuration first. Resolves when the server
 * accepts connections. Rejects with `ISOL8_INVALID_OPTION` for an option, and with `ISOL8_SERVER` when the port is in use,
 * the key database cannot be opened or the certificate cannot be used.
 */
export declare function createServer(options: ServerOptions): Promise<Isol8Server>;
