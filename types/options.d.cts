// The options of an engine.

import type { Isol8Config } from "./config.cjs";
import type { DockerConnection } from "./docker.cjs";
import type { Preload } from "./execution.cjs";
import type { ImageProgress } from "./images.cjs";

/** `"ephemeral"`: each execution gets a clean sandbox. `"persistent"`: all executions share one sandbox. */
export type Isol8Mode = "ephemeral" | "persistent";

/**
 * `"none"`: no network but loopback. `"filtered"`: HTTP and HTTPS to allowed hosts, through a proxy.
 * `"host"`: the host's own network, unfiltered.
 */
export type NetworkMode = "none" | "host" | "filtered";

/** Hosts of a filtered network, as ECMAScript regular expressions. The blacklist wins. */
export interface NetworkFilterConfig {
  /**
   * Allowed hosts, such as `"^api\\.example\\.com$"`. An entry also opens the private addresses of its host, unless it would
   * match the host under anybody's domain (`".*"`, `"\\.com$"`).
   */
  whitelist: string[];
  /** Refused hosts, even when the whitelist allows them. The addresses that a host resolves to are matched as well. */
  blacklist: string[];
  /** Addresses for host names that are not looked up, as with Docker's `--add-host`. All other rules apply to them. */
  hosts?: Record<string, string | string[]> | undefined;
  /**
   * Private addresses that are allowed without a whitelist entry: CIDR blocks, addresses, exact host names.
   * Addresses of cloud metadata are always refused.
   */
  allowPrivate?: string[] | undefined;
  /** The same for addresses of the host itself, its network interfaces included. A whitelist entry alone never opens these. */
  allowLoopback?: string[] | undefined;
  /** The allowed ports. Default: every port of a whitelisted host, and 80 and 443 when the whitelist is empty. */
  ports?: number[] | undefined;
}

/** An object of which any part may be left out or undefined. */
export type Optional<Type> = { [Key in keyof Type]?: Type[Key] | undefined };

/** Seccomp profile and OCI runtime. */
export interface SecurityConfig {
  /** `"strict"` (default): an allowlist. `"custom"`: your own profile. `"unconfined"`: no profile. */
  seccomp?: "strict" | "unconfined" | "custom" | undefined;
  /**
   * Path of the profile for `"custom"`, in Docker's JSON format. The file is read when the engine is made. When it changes,
   * new sandboxes get the new profile.
   */
  customProfilePath?: string | undefined;
  /**
   * Whether the programs of each sandbox are a user that no other sandbox has. What the kernel limits by user, such as
   * inotify instances and queued signals, is then limited by sandbox. Programs see an id above 2000000 in place of 100.
   * It has no name, and files of the image with the owner 100 are somebody else's. Default: false.
   */
  ownUser?: boolean | undefined;
  /** OCI runtime that Docker uses for sandboxes, such as `"runsc"`. Default: the daemon's default. */
  runtime?: string | undefined;
}

/** The audit log: one record for each execution. */
export interface AuditConfig {
  /** Default: false. */
  enabled?: boolean | undefined;
  /** `"filesystem"` (default; also `"file"`) or `"stdout"`. */
  destination?: string | undefined;
  /** Directory of the log. Default: `ISOL8_AUDIT_DIR`, else `./.isol8_audit`. */
  logDir?: string | undefined;
  /** Program that runs after each record, with the path of the log as its argument. */
  postLogScript?: string | undefined;
  /** Whether resource usage is measured and recorded. Default: true. */
  trackResources?: boolean | undefined;
  /** Age at which log files are deleted, in days. Default: 90. */
  retentionDays?: number | undefined;
  /** Whether the program's text is recorded. Default: false. */
  includeCode?: boolean | undefined;
  /** Whether the program's output is recorded. Default: false. */
  includeOutput?: boolean | undefined;
}

/** Whether and how programs are fetched from URLs. */
export interface RemoteCodePolicy {
  /** Default: false. */
  enabled: boolean;
  /** Default: `["https"]`. Plain HTTP needs `"http"` here and `allowInsecureCodeUrl` in the request. */
  allowedSchemes: string[];
  /** Host patterns. Default: every host that is not blocked. */
  allowedHosts: string[];
  /** Host patterns. Default: local, private and metadata hosts. */
  blockedHosts: string[];
  /**
   * Places that are reached although their addresses are not public: CIDR blocks, addresses, exact host names.
   * Default: none. Link-local and metadata addresses open only when the list has exactly the address.
   * The default entries of `blockedHosts` do not hold for these places. Your own entries do.
   */
  allowPrivate?: string[] | undefined;
  /** Largest program, in bytes. Default: 10485760. */
  maxCodeSize: number;
  /** Time limit of a fetch, in milliseconds. Default: 30000. */
  fetchTimeoutMs: number;
  /** Whether each request must have a `codeHash`. Default: false. */
  requireHash: boolean;
  /** Whether fetched programs are kept in memory. Default: true. */
  enableCache: boolean;
  /** How long fetched programs are kept, in seconds. Default: 3600. */
  cacheTtl: number;
}

/** Limits of a request's field that is a text. */
export interface TextLimits {
  /** Whether a request may have the field. */
  allowed?: boolean | undefined;
  /** Most bytes, as UTF-8. */
  maxBytes?: number | undefined;
}

/** Limits of a request's field that is a list or a map. */
export interface ListLimits {
  /** Whether a request may have the field. */
  allowed?: boolean | undefined;
  /** Most entries. */
  maxCount?: number | undefined;
  /** Most bytes of all entries together: names and values, or paths and contents. */
  maxBytes?: number | undefined;
}

/**
 * What a request may ask for, by its fields. What is left out is as in the preset. A request that asks for more is refused
 * before anything is fetched or started, with the code `ISOL8_REQUEST_LIMIT`. The constructor throws for an unknown key.
 */
export interface RequestLimits {
  /**
   * What holds where the table says nothing. `"default"` (default) has no limits. `"strict"` has one for every field.
   * `docs/design/request-limits.md` has its table.
   */
  preset?: "default" | "strict" | undefined;
  /** Largest `timeoutMs`, in milliseconds. */
  timeoutMs?: number | undefined;
  /**
   * Most bytes of all requests that wait for their turn in this engine. Each counts 4 KiB beside its fields. One that does
   * not fit is refused.
   */
  maxWaitingBytes?: number | undefined;
  /** Holds for programs that are fetched from a URL, too. */
  code?: TextLimits | undefined;
  codeUrl?: TextLimits | undefined;
  cmd?: TextLimits | undefined;
  /** Whether a request may set `allowInsecureCodeUrl` to true. */
  allowInsecureCodeUrl?: { allowed?: boolean | undefined } | undefined;
  env?: ListLimits | undefined;
  fileExtension?: TextLimits | undefined;
  stdin?: TextLimits | undefined;
  /** Holds for `putFile` as for a request with this file, and its `maxBytes` for the file that `getFile` returns. */
  files?: ListLimits | undefined;
  /** Holds for `getFile` as for a request with this path. */
  outputPaths?: ListLimits | undefined;
  installPackages?: ListLimits | undefined;
  metadata?: ListLimits | undefined;
  setupScript?: TextLimits | undefined;
  workdir?: TextLimits | undefined;
  agentFlags?: TextLimits | undefined;
}

/**
 * Addresses of package registries by runtime, such as `https://pypi.example/simple`. The installer uses the first one. All are
 * reached exactly as they are written, host and port, also at private addresses. An address may have a user and a password.
 * Installers see it, so put the password into `secrets` to mask it in their messages.
 */
export interface InstallRegistries {
  /** For pip. */
  python?: string[] | undefined;
  /** For npm. */
  node?: string[] | undefined;
  /** For Bun. */
  bun?: string[] | undefined;
  /** For Deno. The first one is its npm registry. */
  deno?: string[] | undefined;
  /** For apt, which uses the sources of the image. All of these are within its reach. */
  bash?: string[] | undefined;
  /** For packages of the agent. */
  agent?: string[] | undefined;
}

/** Number of sandboxes that a pool keeps: one number for clean and dirty ones, or each separately. */
export type PoolSize = number | { clean?: number | undefined; dirty?: number | undefined };

/** Options of every engine. */
export interface Isol8Options {
  /** Default: `"ephemeral"`. */
  mode?: Isol8Mode | undefined;
  /** Default: `"none"`. */
  network?: NetworkMode | undefined;
  /** Rules for `network: "filtered"`. The constructor throws for an invalid pattern. */
  networkFilter?: Optional<NetworkFilterConfig> | undefined;
  /**
   * Whether an installation reaches package registries when `network` is `"none"` or `"filtered"`. The program does not.
   * The registries are those of `installRegistries`, else the runtime's public ones, and those that the image names: in
   * variables such as `PIP_INDEX_URL` and `NPM_CONFIG_REGISTRY`, and in `pip.conf`, `npmrc`, `.bunfig.toml` and apt's
   * sources. Those of an image are reached at public addresses, on the ports 80 and 443. Then the installer gets nothing of
   * a request's `env`. Default: true.
   */
  installNetwork?: boolean | undefined;
  /** Package registries in place of the public ones. They have no effect with `network: "host"`. Default: none. */
  installRegistries?: InstallRegistries | undefined;
  /**
   * Names or ids of images whose labels about packages and setup scripts are believed, beside those that this user has
   * built. Such an image is used for requests whose packages it has. Others are left out, with one warning.
   */
  trustedImages?: string[] | undefined;
  /** CPU cores, from 0.01 to those of the machine; fractions are possible. Default: 1. */
  cpuLimit?: number | undefined;
  /** Memory limit as a size of at least 6 MiB, such as `"512m"` or `"1g"`. There is no swap. Default: `"512m"`. */
  memoryLimit?: string | undefined;
  /** Largest number of processes and threads. Default: 64 (agent: 200). */
  pidsLimit?: number | undefined;
  /** Whether the root file system is read-only. Default: true. */
  readonlyRootFs?: boolean | undefined;
  /** Bytes kept of standard output, and of standard error. The rest is cut. Default: 1048576. */
  maxOutputSize?: number | undefined;
  /**
   * Bytes of all files of `outputPaths` together. A file that a folder adds counts with its name and 128 bytes more. A file
   * that does not fit is left out. Then `truncated` is true, and `stderr` ends with a line for each such file. Beyond 20 files
   * one line has the number of the others. Default: 67108864 (64 MiB). Largest value: 268435456.
   */
  maxOutputFilesSize?: number | undefined;
  /**
   * Environment variables for every program. Their values are replaced by `***` in all output, and so are their lines of
   * 8 bytes or more and their base64, hexadecimal, URL and JSON forms. Files of `outputPaths` are not changed.
   */
  secrets?: Record<string, string> | undefined;
  /**
   * Time limit in milliseconds, for each step separately: the installation, each setup script, writing `files`, the program,
   * and collecting `outputPaths`. Steps with files fail with the code `ISOL8_FILES_TIMEOUT`. Default: 30000.
   */
  timeoutMs?: number | undefined;
  /** Image to use instead of the runtime's own. Any image that the Docker daemon has works. */
  image?: string | undefined;
  /** Size of `/sandbox`. Default: `"512m"` (agent: `"2g"`). */
  sandboxSize?: string | undefined;
  /** Size of `/tmp`. Programs cannot execute files there. Default: `"256m"`. */
  tmpSize?: string | undefined;
  /** Size of each volume that the image declares. Programs cannot execute files there. Default: that of `sandboxSize`. */
  volumeSize?: string | undefined;
  /** Whether engines write debug lines to standard error. True switches this on for the whole process. Default: false. */
  debug?: boolean | undefined;
  /** Whether containers stay after use, for inspection. Default: false. */
  persist?: boolean | undefined;
  /** Whether results have the network log (`networkLogs`). Default: false. */
  logNetwork?: boolean | undefined;
  /** Seccomp profile and OCI runtime. */
  security?: SecurityConfig | undefined;
  /** Audit log. */
  audit?: AuditConfig | undefined;
  /** Whether and how `codeUrl` works. A field that is left out has its default. */
  remoteCode?: Optional<RemoteCodePolicy> | undefined;
  /** When a used sandbox is reset: after use (`"fast"`, default) or before its next use (`"secure"`). */
  poolStrategy?: "fast" | "secure" | undefined;
  /** Default: one clean and one dirty sandbox. Under load a pool keeps up to `clean + dirty` clean ones. */
  poolSize?: PoolSize | undefined;
  /**
   * Milliseconds without a call after which an ephemeral engine removes its sandboxes. The engine looks every 4 seconds. The
   * next call makes new ones. Default: 60000.
   */
  idleMs?: number | undefined;
  /** What a request may ask for: a preset, or a table. Default: `"default"`, which has no limits. */
  requestLimits?: "default" | "strict" | RequestLimits | undefined;
  /** Modules that interpreters import before their program arrives. `start` may name others. Default: none. */
  preload?: Preload | undefined;
}

/**
 * What runs sandboxes. `"docker"`: a Docker daemon. `"local"`: Linux namespaces of this machine. `"auto"`: Docker where a
 * daemon answers when the first sandbox is needed, else this machine. An option that the backend cannot honour is an error.
 */
export type Isol8Backend = "auto" | "docker" | "local";

/** Options of {@link Isol8}. */
export interface BackendOptions extends DockerIsol8Options {
  /** What runs sandboxes. Default: `ISOL8_BACKEND`, else `"auto"`. */
  backend?: Isol8Backend | undefined;
  /**
   * What the local backend does where this machine offers no control groups or no overlay file system. `"required"`: it
   * starts no sandbox. `"best-effort"`: it starts sandboxes all the same. They have the limits that can be had, and may
   * share inodes with the host. Default: `"required"`.
   */
  limits?: "required" | "best-effort" | undefined;
}

/** Options of {@link DockerIsol8}. */
export interface DockerIsol8Options extends Isol8Options {
  /** The Docker daemon: a dockerode instance, or an address. Default: found as the `docker` command finds it. */
  docker?: DockerConnection | undefined;
  /**
   * Receives the progress when a call builds a base image that is missing. Such a build takes half an hour at most, which does
   * not count for `timeoutMs`. The `signal` of the call ends it.
   */
  onProgress?: ((progress: ImageProgress) => void) | null | undefined;
}

/** A configuration as `loadConfig` returns it, with options beside it. They have the last word. */
export type ConfiguredOptions = Isol8Config & Omit<BackendOptions, keyof Isol8Config>;
