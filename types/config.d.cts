// The configuration file.

import type { Preload, Runtime } from "./execution.cjs";
import type {
  AuditConfig,
  NetworkFilterConfig,
  NetworkMode,
  RemoteCodePolicy,
  SecurityConfig,
} from "./options.cjs";

/** Keys in a database (server). */
export interface AuthConfig {
  /** Default: false. */
  enabled: boolean;
  /** A path (SQLite), `postgres://…` or `mysql://…`. */
  connectionString?: string;
  /** How long a key is valid, in milliseconds. Default: 86400000. */
  defaultTtlMs: number;
  /** How often expired keys are removed, in milliseconds. Default: 3600000. */
  cleanupIntervalMs: number;
}

/** An image that `isol8 setup` builds. */
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

/** Options whose members with a default are there. */
type WithDefaults<T, Names extends keyof T> = T & Required<Pick<T, Names>>;

/** A configuration, complete. */
export interface Isol8Config {
  /** Executions at a time. Default: 10. */
  maxConcurrent: number;
  /** Limits of executions that name none. */
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
    /** Default: true. */
    readonlyRootFs: boolean;
  };
  /** Hosts of filtered networks. */
  network: NetworkFilterConfig;
  /** Removal of what is left over. */
  cleanup: {
    /** Default: true. */
    autoPrune: boolean;
    /** Milliseconds. Default: 3600000. */
    maxContainerAgeMs: number;
  };
  /** Default: `"fast"`. */
  poolStrategy: "fast" | "secure";
  /** Default: one clean, one dirty. */
  poolSize: number | { clean: number; dirty: number };
  /** Modules that interpreters import ahead of their programs. Default: none. */
  preload: Preload;
  /** System call filter. */
  security: WithDefaults<SecurityConfig, "seccomp">;
  /** Programs from URLs. */
  remoteCode: RemoteCodePolicy;
  /** Audit log. */
  audit: WithDefaults<
    AuditConfig,
    "enabled" | "destination" | "trackResources" | "retentionDays" | "includeCode" | "includeOutput"
  >;
  /** Keys of the server. */
  auth: AuthConfig;
  /** Images to build at setup. */
  prebuiltImages: PrebuiltImageConfig[];
  /** Packages to have in an image, by runtime. */
  dependencies: {
    python?: string[];
    node?: string[];
    bun?: string[];
    deno?: string[];
    bash?: string[];
  };
  /** Default: false. */
  debug: boolean;
}

/**
 * The configuration of a directory: `isol8.config.json` in it, else `~/.isol8/config.json`, else the
 * defaults. Throws when the file is not valid; warns about keys that nobody knows.
 *
 * @param cwd default: the current directory
 */
export declare function loadConfig(cwd?: string): Isol8Config;
