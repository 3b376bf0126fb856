// Where the Docker daemon is.

/** Where and how to connect to a Docker daemon. What is left out is found as `docker` finds it. */
export interface DockerAddress {
  /** Path of a Unix socket. It wins over `host`. */
  socketPath?: string | undefined;
  /** Host name, or an address such as `tcp://host:2375`. */
  host?: string | undefined;
  /** Port at `host`. Default: 2375, or 2376 with TLS. */
  port?: number | string | undefined;
  /** `"http"` or `"https"`. */
  protocol?: string | undefined;
  /** CA certificate, PEM. */
  ca?: string | Uint8Array | (string | Uint8Array)[] | undefined;
  /** Client certificate, PEM. */
  cert?: string | Uint8Array | (string | Uint8Array)[] | undefined;
  /** Client key, PEM. */
  key?: string | Uint8Array | (string | Uint8Array)[] | undefined;
}

/** A dockerode instance (whose connection settings are taken), or an address. */
export type DockerConnection = { modem: unknown } | DockerAddress;

/** What a clean-up did. */
export interface CleanupResult {
  /** How many were removed. */
  removed: number;
  /** How many could not be removed. */
  failed: number;
  /** Why not. */
  errors: string[];
}
