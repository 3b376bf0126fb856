// What must not compile, the strict unions, and what may be undefined: what does not compile here does not for users. Never run; checked by `tsc` under both module resolutions.

import {
  type DockerIsol8Options,
  type ErrorCode,
  type ExecuteOptions,
  type ExecutionRequest,
  type ImageSources,
  Isol8Error,
  type Isol8Options,
  type PartialConfig,
  type RemoteIsol8Options,
  type SemaphoreOptions,
  type ServerOptions,
  type ShutdownOptions,
  type StartOptions,
  type StreamEvent,
  type StrictExecutionRequest,
  type StrictStreamEvent,
  type WsServerMessage,
} from "@isol8/core";
import type { Equal, Expect } from "../equal.js";

// What must not compile.
// @ts-expect-error a runtime is needed
const withoutRuntime: ExecutionRequest = { code: "1" };
// @ts-expect-error not a mode
const wrongMode: Isol8Options = { mode: "forever" };
// @ts-expect-error sizes are strings
const wrongSize: Isol8Options = { memoryLimit: 512 };
/** The unions narrow, and each is one of the interfaces. */
const strict: StrictExecutionRequest = { runtime: "bash", cmd: "true", timeoutMs: undefined };
const loose: ExecutionRequest = strict;
// @ts-expect-error two sources
const both: StrictExecutionRequest = { runtime: "bash", cmd: "true", code: "true" };
// @ts-expect-error no source
const none: StrictExecutionRequest = { runtime: "bash" };
// @ts-expect-error a hash of code that is not fetched
const hashed: StrictExecutionRequest = { runtime: "bash", code: "true", codeHash: "0" };
function codeOf(event: StrictStreamEvent): StreamEvent | ErrorCode | undefined {
  return event.type === "error" ? event.code : event;
}
console.log(loose, both, none, hashed, codeOf);

/** A test of one's own for callers. */
const lost: Isol8Error = new Isol8Error("gone", { code: "ISOL8_SANDBOX_LOST" });
if (lost.code === "ISOL8_SANDBOX_LOST") console.log(lost.name, lost.cause);

/** Whether every key of a type that may be left out may be undefined as well, under `exactOptionalPropertyTypes`. */
type OptionalKeys<Type> = {
  [Key in keyof Type]-?: object extends Pick<Type, Key> ? Key : never;
}[keyof Type];
type MayBeUndefined<Type> =
  { [Key in OptionalKeys<Type>]: undefined } extends Pick<Type, OptionalKeys<Type>> ? true : false;
type Section<Name extends keyof Isol8Options> = Extract<NonNullable<Isol8Options[Name]>, object>;

export type Checks = [
  Expect<Equal<WsServerMessage, StreamEvent>>,
  Expect<MayBeUndefined<DockerIsol8Options>>,
  Expect<MayBeUndefined<Section<"audit">>>,
  Expect<MayBeUndefined<Section<"networkFilter">>>,
  Expect<MayBeUndefined<Exclude<Section<"poolSize">, number>>>,
  Expect<MayBeUndefined<Section<"remoteCode">>>,
  Expect<MayBeUndefined<Section<"requestLimits">>>,
  Expect<MayBeUndefined<Section<"security">>>,
  Expect<MayBeUndefined<ExecutionRequest>>,
  Expect<MayBeUndefined<ExecuteOptions>>,
  Expect<MayBeUndefined<StartOptions>>,
  Expect<MayBeUndefined<Exclude<NonNullable<StartOptions["prewarm"]>, boolean>>>,
  Expect<MayBeUndefined<RemoteIsol8Options>>,
  Expect<MayBeUndefined<ServerOptions>>,
  Expect<MayBeUndefined<NonNullable<PartialConfig["defaults"]>>>,
  Expect<MayBeUndefined<NonNullable<PartialConfig["tenants"]>>>,
  Expect<MayBeUndefined<ShutdownOptions>>,
  Expect<MayBeUndefined<ImageSources>>,
  Expect<MayBeUndefined<SemaphoreOptions>>,
];

console.log(withoutRuntime, wrongMode, wrongSize);
