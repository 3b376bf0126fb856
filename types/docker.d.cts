// The address of the Docker daemon.

/** How to connect to a Docker daemon. Without `socketPath` and `host`, it is found as the `docker` command finds it. */
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

/** A dockerode instance, or an address. Only the connection settings of an instance are used. */
export type DockerConnection = { modem: unknown } | DockerAddress;

/** The result of a cleanup. */
export interface CleanupResult {
  /** Number of containers or images that were removed. */
  removed: number;
  /** Number of those that could not be removed. */
  failed: number;
  /** One message for each failure. */
  errors: string[];
}
