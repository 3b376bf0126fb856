// The configuration file.

import type { Preload, Runtime } from "./execution.cjs";
import type {
  AuditConfig,
  InstallRegistries,
  Isol8Backend,
  NetworkFilterConfig,
  NetworkMode,
  RemoteCodePolicy,
  RequestLimits,
  SecurityConfig,
} from "./options.cjs";

/** API keys in a database. Only the server uses them. */
export interface AuthConfig {
  /** Default: false. */
  enabled: boolean;
  /** A path (SQLite), `postgres://…` or `mysql://…`. */
  connectionString?: string;
  /** How long a new key is valid, in milliseconds. Default: 86400000. */
  defaultTtlMs: number;
  /** How often expired keys are removed, in milliseconds. Default: 3600000. */
  cleanupIntervalMs: number;
}

/** What a tenant of a server may do. */
export interface TenantConfig {
  /** Turns for each one of a tenant of weight 1, while both wait. Default: 1. */
  weight?: number | undefined;
  /**
   * Executions at once. More wait. Default: half of `maxConcurrent` of the server. The other half is for those that run
   * nothing. A limit of one tenant's own is a share of the turns for this tenant.
   */
  maxConcurrent?: number | undefined;
  /** Connections at once. Default: 1024. */
  maxConnections?: number | undefined;
  /** Executions that wait. Default: 1000. */
  maxWaiting?: number | undefined;
  /** Default: 100. */
  maxSessions?: number | undefined;
  /** Largest body of a request in bytes. Default: 33554432. */
  maxRequestBytes?: number | undefined;
  /** Requests a second in the long run, and at once. Default: any number. */
  rateLimit?: { rate: number; burst: number } | undefined;
  /** What a request may ask for. Default: `"strict"`. */
  requestLimits?: "default" | "strict" | RequestLimits | undefined;
  /** Images that the option `image` may name beside those of the configuration. Default: none. */
  images?: string[] | undefined;
  /** Widest network that programs may have. With `"none"`, installations have no network either. Default: `"filtered"`. */
  network?: "none" | "filtered" | undefined;
  /** Largest `memoryLimit`. Default: that of `defaults`. */
  memoryLimit?: string | undefined;
  /** Largest `cpuLimit`. Default: that of `defaults`. */
  cpuLimit?: number | undefined;
  /** Largest `pidsLimit`. Default: 64, and 200 for the agent. It raises nothing where a request leaves `pidsLimit` out. */
  pidsLimit?: number | undefined;
  /**
   * Largest `sandboxSize` and `volumeSize`. Default: `sandboxSize` of `defaults`. Where neither says it: `"512m"`, and `"2g"` for
   * the agent.
   */
  sandboxSize?: string | undefined;
  /** Largest `tmpSize`. Default: that of `defaults`. */
  tmpSize?: string | undefined;
}

/** A custom image that `isol8 setup` builds. */
export interface PrebuiltImageConfig {
  /** Its name. */
  tag: string;
  /** The runtime it is for. */
  runtime: Runtime;
  /** Packages in it. */
  installPackages: string[];
  /** Script that runs before each program. */
  setupScript?: string;
}

/** Options in which the named members have their default filled in. */
type WithDefaults<T, Names extends keyof T> = Defined<T> & Required<Pick<Defined<T>, Names>>;

/** A value that is absent is left out. */
type Defined<T> = { [Name in keyof T]: Exclude<T[Name], undefined> };

/** A complete configuration, with defaults filled in. */
export interface Isol8Config {
  /** What runs sandboxes. `ISOL8_BACKEND` goes over it. Default: `"auto"`. */
  backend: Isol8Backend;
  /**
   * What the local backend does where this machine offers no control groups or no overlay file system. `"required"`: it
   * starts no sandbox. `"best-effort"`: it starts sandboxes all the same. They have the limits that can be had, and may
   * share inodes with the host. Default: `"required"`.
   */
  limits: "required" | "best-effort";
  /** Executions at a time. Default: 10. */
  maxConcurrent: number;
  /** Limits of executions that do not set their own. */
  defaults: {
    /** Milliseconds. Default: 30000. */
    timeoutMs: number;
    /** Default: `"512m"`. */
    memoryLimit: string;
    /** Cores. Default: 1. */
    cpuLimit: number;
    /** Default: `"none"`. */
    network: NetworkMode;
    /** Default: `"512m"`. */
    sandboxSize: string;
    /** Default: `"256m"`. */
    tmpSize: string;
    /** Default: that of `sandboxSize`. */
    volumeSize?: string;
    /** Default: true. */
    readonlyRootFs: boolean;
  };
  /** Rules of the filtered network. */
  network: NetworkFilterConfig;
  /** Removal of containers that are left over. */
  cleanup: {
    /** Default: true. */
    autoPrune: boolean;
    /** Milliseconds. Default: 3600000. */
    maxContainerAgeMs: number;
    /** Whether a server leaves the images in place at its end. Default: false. */
    keepImages: boolean;
  };
  /** Requests of a server that wait for their turn. */
  queue: {
    /** Most that wait. Default: 0, any number. */
    maxSize: number;
    /** Longest that one waits, in milliseconds. Default: 30000. */
    timeoutMs: number;
  };
  /** Default: `"fast"`. */
  poolStrategy: "fast" | "secure";
  /** Default: one clean, one dirty. */
  poolSize: number | { clean: number; dirty: number };
  /** Package registries of installations in place of the public ones. Default: none. */
  installRegistries: InstallRegistries;
  /** What a request may ask for. Default: `"default"`, which has no limits. */
  requestLimits: "default" | "strict" | RequestLimits;
  /** Modules that interpreters import before their program arrives. Default: none. */
  preload: Preload;
  /** Seccomp profile and OCI runtime. */
  security: WithDefaults<SecurityConfig, "seccomp" | "ownUser">;
  /** Whether and how `codeUrl` works. */
  remoteCode: RemoteCodePolicy;
  /** Audit log. */
  audit: WithDefaults<
    AuditConfig,
    "enabled" | "destination" | "trackResources" | "retentionDays" | "includeCode" | "includeOutput"
  >;
  /** API keys of the server. */
  auth: AuthConfig;
  /** Where the server listens. */
  server: {
    /** File of the certificate in PEM, with those between it and its authority. Connections are encrypted with it. */
    tlsCert?: string;
    /** File of the certificate's private key in PEM. */
    tlsKey?: string;
    /** Path of a Unix socket to listen on in place of a port. `createServer` refuses it, unless it has a `port`. */
    socket?: string;
  };
  /** What those may do who have a key of the server's database. */
  tenants: {
    /** What every tenant may do. */
    all: TenantConfig;
    /** What single tenants may do, by id. What is left out is as for all. */
    byId?: Record<string, TenantConfig>;
  };
  /** Images to build at setup. */
  prebuiltImages: PrebuiltImageConfig[];
  /** Images whose labels are believed, beside `prebuiltImages` and those that this user has built. Default: none. */
  trustedImages: string[];
  /** Packages to build into an image, by runtime. */
  dependencies: {
    python?: string[];
    node?: string[];
    bun?: string[];
    deno?: string[];
    bash?: string[];
    agent?: string[];
  };
  /** Default: false. */
  debug: boolean;
}

/**
 * Returns the configuration of a directory. It comes from `isol8.config.json` in that directory, else from
 * `~/.isol8/config.json`, else it is the defaults. Throws for an invalid file. Warns about unknown keys.
 *
 * @param cwd the directory. Default: the current directory
 */
export declare function loadConfig(cwd?: string): Isol8Config;
