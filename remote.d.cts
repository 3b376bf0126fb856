// Types of `@isol8/core/remote`.

export type { RemoteIsol8Options, SessionInfo } from "./types/engine.cjs";
export { RemoteIsol8 } from "./types/engine.cjs";
export { Isol8Error } from "./types/errors.cjs";
