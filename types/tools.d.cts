// Small things that callers use beside the engine.

/** A counting semaphore; waiters are served in order. */
export declare class Semaphore {
  /** Throws `Semaphore max must be >= 1`. */
  constructor(max: number);
  /** Resolves when a permit is held. */
  acquire(): Promise<void>;
  /** Gives a permit back. */
  release(): void;
  /** Permits that can be had at once. */
  get available(): number;
  /** Callers that wait. */
  get pending(): number;
}

/** The package's logger. */
export declare const logger: {
  /** Turns debug lines on or off, those of the engines (on standard error) included. Default: off. */
  setDebug(enabled: boolean): void;
  /** `[DEBUG]` on standard output, when on. */
  debug(...args: unknown[]): void;
  /** Standard output. */
  info(...args: unknown[]): void;
  /** `[WARN]` on standard error. */
  warn(...args: unknown[]): void;
  /** `[ERROR]` on standard error. */
  error(...args: unknown[]): void;
};

/** Version of this package. */
export declare const VERSION: string;
