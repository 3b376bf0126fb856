// What the platform gives. The types need neither @types/node nor the DOM: both may be absent.

/** `Buffer` where its types are there, and the class that it extends elsewhere. */
export type Bytes = typeof globalThis extends {
  // biome-ignore lint/suspicious/noExplicitAny: only this infers the type behind the predicate.
  Buffer: { isBuffer(value: any): value is infer B };
}
  ? B
  : Uint8Array;

/** An `AbortSignal`, of any platform. */
export interface AbortSignalLike {
  /** Whether it has been aborted. */
  readonly aborted: boolean;
  /** Why. */
  readonly reason?: unknown;
  addEventListener(type: "abort", listener: () => void, options?: { once?: boolean }): void;
  removeEventListener(type: "abort", listener: () => void): void;
}

declare global {
  interface SymbolConstructor {
    /** The method that `await using` calls. */
    readonly asyncDispose: unique symbol;
  }
}
