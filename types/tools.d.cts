// Helpers that callers use beside the engine.

/** A counting semaphore. It serves waiters in the order of their calls. */
export declare class Semaphore {
  /** Throws `Semaphore max must be >= 1`. */
  constructor(max: number);
  /** Resolves when the caller holds a permit. */
  acquire(): Promise<void>;
  /** Gives a permit back. */
  release(): void;
  /** Number of free permits. */
  get available(): number;
  /** Number of callers that wait. */
  get pending(): number;
}

/** The package's logger. */
export declare const logger: {
  /** Turns debug lines on or off, for the logger and for all engines. Engines write to standard error. Default: off. */
  setDebug(enabled: boolean): void;
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
