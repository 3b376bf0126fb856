// Compiles the types as users do: strictly, under both module resolutions.

import { run } from "./steps.mjs";

for (const project of ["tsconfig.json", "tsconfig.bundler.json"]) {
  await run("node_modules/.bin/tsc", ["--project", project]);
}
