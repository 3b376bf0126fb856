// Engines of both backends, and one call to them.

import { DockerIsol8, Isol8 } from "./package.mjs";
import { check, PROGRAMS } from "./programs.mjs";

export const BACKENDS = ["local", "docker"];

const MAKERS = {
  local: (options, concurrent) => new Isol8({ backend: "local", ...options }, concurrent),
  docker: (options, concurrent) => new DockerIsol8(options, concurrent),
};

/** Runs `use` with an engine of a backend, and stops that. */
export async function withEngine(backend, options, concurrent, use) {
  const engine = MAKERS[backend](options, concurrent);
  try {
    return await use(engine);
  } finally {
    await engine.stop();
  }
}

/** Runs the program of a runtime. */
export const call = async (engine, runtime) =>
  check(await engine.execute({ runtime, code: PROGRAMS[runtime].code }));
