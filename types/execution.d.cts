// One execution: what is asked for, and what comes back.

/** A built-in runtime, or the name of a registered one. */
export type Runtime =
  | "python"
  | "node"
  | "bun"
  | "deno"
  | "bash"
  | "agent"
  | (string & Record<never, never>);

/** One execution. Exactly one of `code`, `codeUrl` and `cmd` is given; a blank one counts as absent. */
export interface ExecutionRequest {
  /** What runs the program. */
  runtime: Runtime;
  /** The program; for the agent its prompt. */
  code?: string;
  /** Where to fetch the program from. Needs `remoteCode.enabled`. */
  codeUrl?: string;
  /** A command line for `bash -c`, in the image of `runtime`. */
  cmd?: string;
  /** SHA-256 that the fetched program must have, in hex. */
  codeHash?: string;
  /** Whether `codeUrl` may be plain HTTP. Default: false. */
  allowInsecureCodeUrl?: boolean;
  /** Time limit in milliseconds, instead of the engine's. */
  timeoutMs?: number;
  /** Environment, which wins over the engine's secrets. */
  env?: Record<string, string>;
  /** Extension of the program's file, such as `".cjs"`. Default: the runtime's. */
  fileExtension?: string;
  /** Standard input. Default: none. */
  stdin?: string;
  /** Files to write first, by absolute path. Missing folders are made. */
  files?: Record<string, string | Uint8Array>;
  /** Files to read afterwards, by absolute path. */
  outputPaths?: string[];
  /** Packages to install first. */
  installPackages?: string[];
  /** For the audit log. */
  metadata?: Record<string, string>;
  /** Bash script to run before the program. */
  setupScript?: string;
  /** Working directory, relative to `/sandbox` or absolute inside it. Default: `/sandbox`. */
  workdir?: string;
  /** More flags for the agent, as in a shell. */
  agentFlags?: string;
}

/** What a program used. */
export interface ResourceUsage {
  /** CPU time over wall time, in percent of one core. */
  cpuPercent: number;
  /** Memory of the sandbox at the program's end, in MiB. */
  memoryMB: number;
  /** Highest memory of the sandbox meanwhile, in MiB. */
  peakMemoryMB?: number;
  /** Bytes received from the network. */
  networkBytesIn: number;
  /** Bytes sent to the network. */
  networkBytesOut: number;
}

/** One request that a program made through the filtered network. */
export interface NetworkLogEntry {
  /** When it came, in ISO 8601. */
  timestamp: string;
  /** HTTP method. */
  method: string;
  /** Host name without port. */
  host: string;
  /** Path and query; `null` for CONNECT. */
  path: string | null;
  /** What the filter decided. */
  action: "ALLOW" | "BLOCK";
  /** How long it took, in milliseconds. */
  durationMs: number;
}

/** A finished execution. A program that fails or runs out of time is a result, not an error. */
export interface ExecutionResult {
  /** Standard output: secrets masked, cut at `maxOutputSize`, without trailing white space. */
  stdout: string;
  /** Standard error, treated alike. */
  stderr: string;
  /** The program's exit code; 128 plus the signal that ended it; 137 after a timeout. */
  exitCode: number;
  /** How long the program itself ran, in milliseconds. */
  durationMs: number;
  /** Whether output was cut, or an output file left out. */
  truncated: boolean;
  /** UUID of this execution. */
  executionId: string;
  /** The runtime asked for. */
  runtime: Runtime;
  /** When it began, in ISO 8601. */
  timestamp: string;
  /** The container that ran it. */
  containerId?: string;
  /** Contents of `outputPaths` in base64, by path. What was missing, or above `maxOutputFilesSize`, is left out. */
  files?: Record<string, string>;
  /** What the program used, unless `audit.trackResources` is false. */
  resourceUsage?: ResourceUsage;
  /** Requests of this run, with `logNetwork`. */
  networkLogs?: NetworkLogEntry[];
}

/** What happens while a program runs. Nothing follows the last exit event. */
export interface StreamEvent {
  /** What `data` is. */
  type: "stdout" | "stderr" | "exit" | "error";
  /** Output, a message, or the exit code in decimal. */
  data: string;
  /** Install and setup scripts, or the program. */
  phase?: "setup" | "code";
}

/** What a streamed execution came to, but for the output, which the events carried. */
export type StreamResult = Omit<ExecutionResult, "stdout" | "stderr">;

/** The events of a streamed execution. Leaving the loop over them ends it. */
export interface EventStream extends AsyncIterableIterator<StreamEvent> {
  /**
   * Whether output was cut, what was used, output files and network log: there once the last event has
   * been taken and the loop has ended by itself. Not after a failure, nor from a remote engine.
   */
  readonly result?: StreamResult | undefined;
}

/** How to end an execution from outside. */
export interface ExecuteOptions {
  /** Ends the program when aborted; the call rejects with the signal's reason. */
  signal?: AbortSignal;
}

/**
 * Modules to import while an interpreter waits for its program, by runtime: what the image has, under the name that a
 * program imports it by (`"pandas"`, `"concurrent.futures"`, `"node:crypto"`; for Node.js what `require` takes). The
 * program finds them loaded, and may find them so (`sys.modules`), even where one of its own files has the same name.
 * They count towards `memoryLimit`, in Python twice where that is `"256m"` or more: interpreters are then forked from one
 * that has imported them, and for some minutes share the secret of string hashes with each other. A module that cannot be imported is left out, which is said once on standard error.
 */
export interface Preload {
  python?: string[];
  node?: string[];
  bun?: string[];
  deno?: string[];
}

/** Options of `start`. */
export interface StartOptions {
  /**
   * Sandboxes to make ready: of all languages, or of these runtimes. A failure is no error. `preload` takes the place of
   * the engine's own lists, for the runtimes that it names.
   */
  prewarm?: boolean | { runtimes?: Runtime[]; preload?: Preload };
}
