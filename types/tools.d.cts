// Helpers that callers use beside the engine.

import type { Isol8Error } from "./errors.cjs";

/** Who waits for a semaphore, and for how long. */
export interface SemaphoreOptions {
  /** Most callers that wait. Default: 0, any number. */
  maxSize?: number | undefined;
  /** Longest that one waits, in milliseconds. Default: 0, for ever. */
  timeoutMs?: number | undefined;
}

/** The state of a semaphore. The names are those of a server's `GET /queue/status`. */
export interface SemaphoreStats {
  /** Number of free permits. */
  available: number;
  /** Number of callers that wait. */
  pending: number;
  /** Number of all permits. */
  maxConcurrent: number;
  /** Most callers that wait. 0: any number. */
  maxSize: number;
  /** Longest that one waits, in milliseconds. 0: for ever. */
  timeoutMs: number;
}

/** A counting semaphore. It serves waiters in the order of their calls. */
export declare class Semaphore {
  /** Throws `Semaphore max must be >= 1`, and for an option that it cannot have. */
  constructor(max: number, options?: SemaphoreOptions);
  /**
   * Resolves when the caller holds a permit. Rejects with a `QueueFullError` when `maxSize` callers wait already, and with a
   * `QueueTimeoutError` after `timeoutMs`.
   */
  acquire(): Promise<void>;
  /** Gives a permit back. */
  release(): void;
  /** Number of free permits. */
  get available(): number;
  /** Number of callers that wait. */
  get pending(): number;
  /** The state at the moment. */
  get stats(): SemaphoreStats;
}

/** As many callers wait for a semaphore already as may. Its code is `ISOL8_TOO_MANY_REQUESTS`. */
export declare class QueueFullError extends Isol8Error {
  constructor();
  readonly name: "QueueFullError";
}

/** A caller has waited for a semaphore for as long as one may. Its code is `ISOL8_TOO_MANY_REQUESTS`. */
export declare class QueueTimeoutError extends Isol8Error {
  /** `timeoutMs`: how long the caller has waited, in milliseconds. */
  constructor(timeoutMs: number);
  readonly name: "QueueTimeoutError";
}

/** A line of the logger, or of an engine. */
export interface LogLine {
  level: "debug" | "info" | "warn" | "error";
  /** When, in ISO 8601. */
  time: string;
  /** What happened. Lines of an engine have `name=value` for each detail. */
  message: string;
  /** The execution that a line of an engine is about. */
  executionId?: string;
  /** The request to a server of this process that a line is about, as its answer has it in `x-request-id`. */
  requestId?: string;
}

/** The package's logger. */
export declare const logger: {
  /** Turns debug lines on or off, for the logger and for all engines. Engines write to standard error. Default: off. */
  setDebug(enabled: boolean): void;
  /**
   * Gives each line of the logger and of all engines to a callback, and nothing to the console or standard error. `null`
   * restores these. Lines of engines come a little later, and those of the moment in which the program ends may be missing.
   * A callback that is too slow misses lines.
   */
  setSink(sink?: ((line: LogLine) => void) | null): void;
  /** Writes `[DEBUG]` and the values to standard output, when debug lines are on. */
  debug(...args: unknown[]): void;
  /** Writes the values to standard output. */
  info(...args: unknown[]): void;
  /** Writes `[WARN]` and the values to standard error. */
  warn(...args: unknown[]): void;
  /** Writes `[ERROR]` and the values to standard error. */
  error(...args: unknown[]): void;
};

/** Version of this package. */
export declare const VERSION: string;
