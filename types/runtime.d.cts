// Runtimes and their adapters.

/** The second argument of `getCommandWithOptions`. */
export interface RuntimeCommandOptions {
  /** The program's file in the sandbox. */
  filePath?: string | undefined;
  /** More flags for an agent. */
  agentFlags?: string | undefined;
}

/** A runtime in JavaScript. `RuntimeRegistry.register` makes your own one usable. */
export interface RuntimeAdapter {
  /** Name in requests. */
  readonly name: string;
  /** Image with the interpreter. */
  readonly image: string;
  /** Returns program and arguments that run `code`. With `filePath`, the code is in that file. */
  getCommand(code: string, filePath?: string): string[];
  /** The engine calls this one instead of `getCommand`, if it exists. */
  getCommandWithOptions?(code: string, options?: RuntimeCommandOptions): string[];
  /** Returns the extension of program files, with its dot. */
  getFileExtension(): string;
}

/** The runtimes that this process knows. */
export declare const RuntimeRegistry: {
  /** Adds a runtime, or replaces the one with its name. `aliases` are more file extensions. Throws for an adapter without name or methods. */
  register(adapter: RuntimeAdapter, aliases?: string[]): void;
  /** Returns the adapter with that name. Throws when there is none. */
  get(name: string): RuntimeAdapter;
  /** Returns the adapter for a file, by its extension. Throws when there is none. */
  detect(filename: string): RuntimeAdapter;
  /** Returns every adapter, in the order of registration. */
  list(): RuntimeAdapter[];
};

export declare const PythonAdapter: RuntimeAdapter;
export declare const NodeAdapter: RuntimeAdapter;
export declare const BunAdapter: RuntimeAdapter;
/** Needs a file: `getCommand` throws without `filePath`. */
export declare const DenoAdapter: RuntimeAdapter;
export declare const bashAdapter: RuntimeAdapter;
/** The AI coding agent. Its code is a prompt. */
export declare const AgentAdapter: RuntimeAdapter &
  Required<Pick<RuntimeAdapter, "getCommandWithOptions">>;
