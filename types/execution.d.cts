// One execution: request, events and result.

import type { ErrorCode } from "./errors.cjs";
import type { AbortSignalLike } from "./platform.cjs";

/** A built-in runtime, or the name of a registered one. */
export type Runtime =
  | "python"
  | "node"
  | "bun"
  | "deno"
  | "bash"
  | "agent"
  | (string & Record<never, never>);

/** A request for one execution. It has exactly one of `code`, `codeUrl` and `cmd`. A blank text counts as absent. */
export interface ExecutionRequest {
  /** The runtime of the program. Aliases: `python3`, `javascript` (node), `typescript` (bun), `sh` (bash). */
  runtime: Runtime;
  /** The text of the program. For the agent it is the prompt. */
  code?: string | undefined;
  /** URL from which the host fetches the program. Needs the option `remoteCode.enabled`. */
  codeUrl?: string | undefined;
  /** A command line for `bash -c`, in the image of `runtime`. */
  cmd?: string | undefined;
  /** SHA-256 of the program at `codeUrl`, in hex. A program with another hash is refused. */
  codeHash?: string | undefined;
  /** Whether `codeUrl` may be plain HTTP. Default: false. */
  allowInsecureCodeUrl?: boolean | undefined;
  /** Time limit of each step in milliseconds. Default: the option `timeoutMs` of the engine. */
  timeoutMs?: number | undefined;
  /** Environment variables. They win over secrets of the same name. */
  env?: Record<string, string> | undefined;
  /** Extension of the program file, such as `".cjs"`, with or without its dot. Default: the runtime's. Node strips types of `".ts"`. */
  fileExtension?: string | undefined;
  /** Text for the standard input. Default: empty. */
  stdin?: string | undefined;
  /** Files to write before the program starts, by path, absolute or relative to `/sandbox`. Missing folders are created. */
  files?: Record<string, string | Uint8Array> | undefined;
  /**
   * Paths, absolute or relative to `/sandbox`, of files to return in `files` of the result. A folder stands for the
   * files in it and below it. Links in it are left out, and so is a missing file. Secrets are not masked in them.
   */
  outputPaths?: string[] | undefined;
  /**
   * `"utf8"` (default): output is text, trimmed at its end in results, with notices such as that of a timeout.
   * `"base64"`: `stdout` and `stderr` of the result, and `data` of each output event, are exact bytes in base64, without
   * notices. Secrets are masked in both.
   */
  outputEncoding?: "utf8" | "base64" | undefined;
  /** Packages to install before the program starts. */
  installPackages?: string[] | undefined;
  /** Texts for the audit log. They have no other effect. */
  metadata?: Record<string, string> | undefined;
  /** Bash script to run before the program. */
  setupScript?: string | undefined;
  /** Working directory, relative to `/sandbox` or absolute inside it. Default: `/sandbox`. */
  workdir?: string | undefined;
  /** More flags for the agent, in one text, quoted as in a shell. */
  agentFlags?: string | undefined;
}

/** The fields of a program that is in the request, and those of the other sources. */
type Code = { code: string };
type Url = {
  codeUrl: string;
  codeHash?: string | undefined;
  allowInsecureCodeUrl?: boolean | undefined;
};
type Command = { cmd: string };
type Absent<T> = { [Name in keyof T]?: undefined };

/** `ExecutionRequest` as a union: the compiler refuses two sources, none, and fields of another source. */
export type StrictExecutionRequest = Omit<
  ExecutionRequest,
  keyof Code | keyof Url | keyof Command
> &
  (
    | (Code & Absent<Url> & Absent<Command>)
    | (Url & Absent<Code> & Absent<Command>)
    | (Command & Absent<Code> & Absent<Url>)
  );

/** What a program used. */
export interface ResourceUsage {
  /** CPU time over wall time, in percent of one core. */
  cpuPercent: number;
  /** Memory of the sandbox at the program's end, in MiB. */
  memoryMB: number;
  /** Highest memory of the sandbox while the program ran, in MiB. */
  peakMemoryMB?: number;
  /** Bytes received from the network. */
  networkBytesIn: number;
  /** Bytes sent to the network. */
  networkBytesOut: number;
}

/** One request or tunnel of a program in the filtered network. */
export interface NetworkLogEntry {
  /** Time of the request, in ISO 8601. */
  timestamp: string;
  /** HTTP method. */
  method: string;
  /** Host name without port. */
  host: string;
  /** Path without query; `null` for CONNECT. */
  path: string | null;
  /** What the filter decided. */
  action: "ALLOW" | "BLOCK";
  /** Duration of the request, in milliseconds. Of several, the first. */
  durationMs: number;
  /** How many equal requests were blocked, when there is more than one. */
  count?: number;
}

/** The result of an execution. A program that fails or runs out of time gives a result, not an error. */
export interface ExecutionResult {
  /** Standard output, with secrets masked, cut at `maxOutputSize`, without trailing white space. */
  stdout: string;
  /** Standard error, in the same form. */
  stderr: string;
  /** The program's exit code. After a signal: 128 plus its number. After a timeout: 137. */
  exitCode: number;
  /** How the program ended. Absent from a server of version 0.20. */
  termination?: Termination;
  /** Name of the signal that ended the program, such as `"SIGSEGV"`. Absent when the program ended by itself. */
  signal?: string;
  /** How long the program ran, in milliseconds, without installation and setup scripts. */
  durationMs: number;
  /** Whether output was cut, or an output file left out. */
  truncated: boolean;
  /** UUID of this execution. */
  executionId: string;
  /** The runtime of the request. */
  runtime: Runtime;
  /** Start of the execution, in ISO 8601. */
  timestamp: string;
  /** Id of the container that ran the program. */
  containerId?: string;
  /** Contents of `outputPaths` in base64, by path, without files that were missing or above `maxOutputFilesSize`. */
  files?: Record<string, string>;
  /** What the program used. Absent when `audit.trackResources` is false. */
  resourceUsage?: ResourceUsage;
  /** The network log of this execution. Present with the option `logNetwork`. */
  networkLogs?: NetworkLogEntry[];
  /** How many requests the network log had no room for, when there are any. */
  networkLogsDropped?: number;
  /** Why the variables of the session were lost since its last result. Only in persistent engines. */
  sessionReset?: SessionReset;
}

/**
 * How a program ended. The first of these that applies:
 * `"lost"`: its sandbox ended or stopped answering. `"cancelled"`: its caller gave it up, or the engine was stopped.
 * After these two the call rejects, so they are in the audit log only. `"timeout"`: its time limit ended it. `"oom"`: the
 * sandbox was out of memory, and the system killed the program or one of its processes. `"signal"`: another signal ended
 * it. `"exit"`: it ended by itself, with its exit code.
 */
export type Termination = "exit" | "timeout" | "oom" | "signal" | "cancelled" | "lost";

/**
 * What ended the interpreter of a session. Files are kept, except after `"sandbox-lost"`.
 * `"timeout"`, `"cancelled"`: the program had to be killed. `"exit"`: a program ended the interpreter.
 * `"crash"`: a signal did. `"oom"`: the system did, because the sandbox was out of memory. `"sandbox-lost"`: the sandbox was removed from outside.
 */
export type SessionReset = "timeout" | "cancelled" | "exit" | "crash" | "oom" | "sandbox-lost";

/** Something that happened in an execution. The last exit event is the last event. */
export interface StreamEvent {
  /** The kind of event. It says what `data` is. */
  type: "stdout" | "stderr" | "exit" | "error";
  /** Output, an error message, or the exit code in decimal. */
  data: string;
  /** `"setup"`: installation and setup scripts. `"code"`: the program. */
  phase?: "setup" | "code";
  /** The kind of error, in an error event. Absent when a program ran out of time or memory. */
  code?: ErrorCode;
}

/** `StreamEvent` as a union: `type` says what the other fields can be. */
export type StrictStreamEvent =
  | { type: "stdout" | "stderr"; data: string; phase?: "setup" | "code"; code?: never }
  | { type: "exit"; data: `${number}`; phase?: "setup" | "code"; code?: never }
  | { type: "error"; data: string; phase?: "setup" | "code"; code?: ErrorCode };

/** The result of a streamed execution, without the output, which the events have delivered. */
export type StreamResult = Omit<ExecutionResult, "stdout" | "stderr">;

/** The events of a streamed execution. Leaving the loop over them ends the execution. */
export interface EventStream extends AsyncIterableIterator<StreamEvent> {
  /**
   * The result without the output. Present after the loop has taken the last event and ended by itself.
   * Absent after a failure, and with servers of version 0.20.
   */
  readonly result?: StreamResult | undefined;
}

/** Options of one call. */
export interface ExecuteOptions {
  /** Cancels the execution when aborted. The program is killed, and the call rejects with the signal's reason. */
  signal?: AbortSignalLike | undefined;
  /**
   * Receives the program's standard output while it runs, in `execute`. The result has the output, too. A promise is
   * waited for, and slows the program down. An error that it throws ends the execution. A remote engine calls it once,
   * before the result.
   */
  onStdout?: ((data: string) => unknown) | undefined;
  /** The same for standard error. */
  onStderr?: ((data: string) => unknown) | undefined;
}

/**
 * Modules that an interpreter imports while it waits for its program, by runtime. A module is named as a program names it:
 * `"pandas"`, `"concurrent.futures"`, `"node:crypto"`. For Node.js the name is one that `require` takes. The image must
 * have the module. A module that cannot be imported is left out, and a line on standard error reports that once.
 *
 * A program can see that the modules are loaded, for example in `sys.modules`. They also win over files of the same name
 * that the program brings. Their memory counts towards `memoryLimit`.
 *
 * In Python with a `memoryLimit` of `"256m"` or more, interpreters are forked from a process that has imported the modules.
 * The memory then counts twice. Interpreters that were forked from the same process share the secret of string hashes. The
 * process is replaced every few minutes.
 */
export interface Preload {
  python?: string[] | undefined;
  node?: string[] | undefined;
  bun?: string[] | undefined;
  deno?: string[] | undefined;
}

/** Options of `start`. */
export interface StartOptions {
  /**
   * Sandboxes to make ready: for all languages, or for these runtimes. A persistent engine makes its sandbox when exactly one
   * runtime is named. `preload` replaces the lists of the engine for the runtimes that it names.
   */
  prewarm?:
    | boolean
    | { runtimes?: Runtime[] | undefined; preload?: Preload | undefined }
    | undefined;
  /**
   * Whether `start` rejects when a runtime cannot be made ready, and builds a missing base image. Default: false. Then the
   * first execution tries again.
   */
  strict?: boolean | undefined;
}
