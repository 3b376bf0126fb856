// Runtimes and their adapters.

/** What `getCommandWithOptions` is told. */
export interface RuntimeCommandOptions {
  /** The program's file in the sandbox. */
  filePath?: string;
  /** More flags for an agent. */
  agentFlags?: string;
}

/** A way to run programs. One of your own becomes usable by `RuntimeRegistry.register`. */
export interface RuntimeAdapter {
  /** Name in requests. */
  readonly name: string;
  /** Image with the interpreter. */
  readonly image: string;
  /** Program and arguments for code; the code is in `filePath` when that is given. */
  getCommand(code: string, filePath?: string): string[];
  /** Used instead of `getCommand` when there. */
  getCommandWithOptions?(code: string, options?: RuntimeCommandOptions): string[];
  /** Extension of program files, with its dot. */
  getFileExtension(): string;
}

/** The runtimes that this process knows. */
export declare const RuntimeRegistry: {
  /** Adds a runtime, or replaces the one of its name. `aliases` are more file extensions. */
  register(adapter: RuntimeAdapter, aliases?: string[]): void;
  /** The adapter of that name. Throws when there is none. */
  get(name: string): RuntimeAdapter;
  /** The adapter for a file, by extension. Throws when there is none. */
  detect(filename: string): RuntimeAdapter;
  /** Every adapter, in order of registration. */
  list(): RuntimeAdapter[];
};

export declare const PythonAdapter: RuntimeAdapter;
export declare const NodeAdapter: RuntimeAdapter;
export declare const BunAdapter: RuntimeAdapter;
/** Needs a file: without one `getCommand` throws. */
export declare const DenoAdapter: RuntimeAdapter;
export declare const bashAdapter: RuntimeAdapter;
/** Its code is a prompt. */
export declare const AgentAdapter: RuntimeAdapter &
  Required<Pick<RuntimeAdapter, "getCommandWithOptions">>;
