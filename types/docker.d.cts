// The address of the Docker daemon.

/** How to connect to a Docker daemon. It needs `socketPath` or `host`. What is not understood is an error. */
export interface DockerAddress {
  /** Path of a Unix socket. It wins over `host`. */
  socketPath?: string | undefined;
  /** Host name, or an address such as `tcp://host:2375` or `ssh://user@host`. */
  host?: string | undefined;
  /** Port at `host`. Default: 2375, 2376 with TLS, and for ssh the port that `ssh` is configured with. */
  port?: number | string | undefined;
  /**
   * `"http"`, `"https"` or `"ssh"`. Default: that of `host`, else `"https"` with certificates, else `"http"`.
   * With `"ssh"` the program `ssh` connects. It takes keys from its own configuration and agent, and asks for nothing.
   */
  protocol?: string | undefined;
  /** User at `host`, for `"ssh"`. */
  username?: string | undefined;
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
