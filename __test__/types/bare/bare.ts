// Compiled without @types/node and without the DOM: nothing of the package may need them.

import { DockerIsol8, type ExecutionResult, RemoteIsol8 } from "@isol8/core";

export async function use(): Promise<ExecutionResult> {
  const engine = new DockerIsol8({ memoryLimit: undefined, security: { runtime: undefined } });
  const bytes: Uint8Array = await engine.getFile("/sandbox/a");
  await engine.putFile("/sandbox/b", bytes);
  await new RemoteIsol8({ host: "h", apiKey: "k" })[Symbol.asyncDispose]();
  return engine.execute({ runtime: "bash", code: "true", stdin: undefined });
}
