// The types as users compile them: under both module resolutions, strictly.

import { run } from "./steps.mjs";

for (const project of ["tsconfig.json", "tsconfig.bundler.json"]) {
  await run("node_modules/.bin/tsc", ["--project", project]);
}
