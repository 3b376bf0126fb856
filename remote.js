// `@isol8/core/remote` for `import`. It exports the same objects as `require`.

import remote from "./remote.cjs";

export const { Isol8Error, RemoteIsol8 } = remote;
