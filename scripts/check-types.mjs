// Compiles the types as users do: strictly, under both module resolutions, and without any other types.

import { run } from "./steps.mjs";

for (const project of ["tsconfig.json", "tsconfig.bundler.json", "tsconfig.bare.json"]) {
  await run("node_modules/.bin/tsc", ["--project", project]);
}
