// How an engine is set up.

import type { DockerConnection } from "./docker.cjs";
import type { Preload } from "./execution.cjs";

/** `"ephemeral"`: each execution has a clean sandbox. `"persistent"`: one sandbox for all of them. */
export type Isol8Mode = "ephemeral" | "persistent";

/**
 * `"none"`: no network but loopback. `"filtered"`: HTTP and HTTPS to allowed hosts, through a proxy.
 * `"host"`: the host's own network, unfiltered.
 */
export type NetworkMode = "none" | "host" | "filtered";

/** Hosts of a filtered network, as ECMAScript regular expressions. The blacklist wins. */
export interface NetworkFilterConfig {
  /** Allowed hosts, such as `"^api\\.example\\.com$"`. */
  whitelist: string[];
  /** Refused hosts, also when the whitelist allows them. */
  blacklist: string[];
  /** Addresses of names that are then not looked up, as with Docker's `--add-host`. The other rules hold for them too. */
  hosts?: Record<string, string | string[]>;
  /**
   * Where private addresses may be reached though no whitelist entry says so: CIDR blocks, addresses, exact host names.
   * Cloud metadata is refused in any case.
   */
  allowPrivate?: string[];
  /** The same for addresses of the host itself, which no whitelist entry opens. */
  allowLoopback?: string[];
  /** The only ports. Default: every port of a whitelisted host; 80 and 443 where there is no whitelist. */
  ports?: number[];
}

/** System call filter and OCI runtime. */
export interface SecurityConfig {
  /** `"strict"` (default): an allowlist. `"custom"`: a profile of yours. `"unconfined"`: none. */
  seccomp?: "strict" | "unconfined" | "custom";
  /** File with the profile for `"custom"`, in Docker's format. */
  customProfilePath?: string;
  /** OCI runtime that Docker is asked to use, such as `"runsc"`. Default: Docker's own. */
  runtime?: string;
}

/** Where executions are recorded. */
export interface AuditConfig {
  /** Default: false. */
  enabled?: boolean;
  /** `"filesystem"` (default; also `"file"`) or `"stdout"`. */
  destination?: string;
  /** Directory of the log. Default: `ISOL8_AUDIT_DIR`, else `./.isol8_audit`. */
  logDir?: string;
  /** Program that is run after each record, with the log's path. */
  postLogScript?: string;
  /** Whether resource usage is measured and recorded. Default: true. */
  trackResources?: boolean;
  /** Age at which log files are deleted, in days. Default: 90. */
  retentionDays?: number;
  /** Whether the program's text is recorded. Default: false. */
  includeCode?: boolean;
  /** Whether its output is recorded. Default: false. */
  includeOutput?: boolean;
}

/** Whether and how programs are fetched from URLs. */
export interface RemoteCodePolicy {
  /** Default: false. */
  enabled: boolean;
  /** Default: `["https"]`. */
  allowedSchemes: string[];
  /** Host patterns. Default: every host that is not blocked. */
  allowedHosts: string[];
  /** Host patterns. Default: local, private and metadata hosts. */
  blockedHosts: string[];
  /** Largest program, in bytes. Default: 10485760. */
  maxCodeSize: number;
  /** Time limit of a fetch, in milliseconds. Default: 30000. */
  fetchTimeoutMs: number;
  /** Whether each request must carry `codeHash`. Default: false. */
  requireHash: boolean;
  /** Whether fetched programs are kept in memory. Default: true. */
  enableCache: boolean;
  /** How long they are kept, in seconds. Default: 3600. */
  cacheTtl: number;
}

/** Sandboxes kept ready: one number for both, or each by itself. */
export type PoolSize = number | { clean?: number; dirty?: number };

/** Options of every engine. */
export interface Isol8Options {
  /** Default: `"ephemeral"`. */
  mode?: Isol8Mode;
  /** Default: `"none"`. */
  network?: NetworkMode;
  /** Hosts for `network: "filtered"`. An invalid pattern is refused when the engine is made. */
  networkFilter?: Partial<NetworkFilterConfig>;
  /**
   * Whether the installation of packages, not the program, reaches the runtime's public registries and those that the
   * request's `env` or the image names (`PIP_INDEX_URL`, `NPM_CONFIG_REGISTRY`, …; in an image also `pip.conf`, `npmrc`,
   * `.bunfig.toml` and apt's sources) though `network` is `"none"` or `"filtered"`. Default: true.
   */
  installNetwork?: boolean;
  /** CPU cores; fractions are possible. Default: 1. */
  cpuLimit?: number;
  /** Memory as a size, such as `"512m"` (default) or `"1g"`. There is no swap. */
  memoryLimit?: string;
  /** Processes and threads. Default: 64 (agent: 200). */
  pidsLimit?: number;
  /** Whether the root file system is read-only. Default: true. */
  readonlyRootFs?: boolean;
  /** Bytes kept of each output stream; the rest is cut. Default: 1048576. */
  maxOutputSize?: number;
  /**
   * Bytes of all files of `outputPaths` together. A file for which there is no room is left out; `stderr`
   * ends with a line that says so, and `truncated` is true. Default: 67108864 (64 MiB); at most 268435456.
   */
  maxOutputFilesSize?: number;
  /** Environment variables whose values are replaced by `***` in all output. */
  secrets?: Record<string, string>;
  /** Time limit in milliseconds: of install, of each setup script and of the program. Default: 30000. */
  timeoutMs?: number;
  /** Image to use instead of the runtime's own. Any local image works. */
  image?: string;
  /** Size of `/sandbox`. Default: `"512m"` (agent: `"2g"`). */
  sandboxSize?: string;
  /** Size of `/tmp`, where nothing can be executed. Default: `"256m"`. */
  tmpSize?: string;
  /** Whether each step is explained on standard error, for all engines of the process. Default: false. */
  debug?: boolean;
  /** Whether containers are kept after use, for inspection. Default: false. */
  persist?: boolean;
  /** Whether results carry the log of the filtered network. Default: false. */
  logNetwork?: boolean;
  /** System call filter and OCI runtime. */
  security?: SecurityConfig;
  /** Audit log. */
  audit?: AuditConfig;
  /** Programs from URLs. What is left out has its default. */
  remoteCode?: Partial<RemoteCodePolicy>;
  /** When a used sandbox is cleaned: after use (`"fast"`, default) or when handed out (`"secure"`). */
  poolStrategy?: "fast" | "secure";
  /** Default: one clean and one dirty. Under load up to `clean + dirty` are kept clean. */
  poolSize?: PoolSize;
  /** Modules that interpreters import ahead of their programs; `start` may name others. Default: none. */
  preload?: Preload;
}

/** Options of {@link DockerIsol8}. */
export interface DockerIsol8Options extends Isol8Options {
  /** A dockerode instance, or where the daemon is. Default: as the `docker` command finds it. */
  docker?: DockerConnection;
}
