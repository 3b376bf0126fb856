// The package under test, as its users import it: that of this checkout, or of the folder in
// ISOL8_BENCHMARK_PACKAGE.

import { fileURLToPath, pathToFileURL } from "node:url";

const folder = process.env.ISOL8_BENCHMARK_PACKAGE;
const file = folder
  ? pathToFileURL(`${folder}/index.js`)
  : new URL("../../index.js", import.meta.url);

export const { DockerIsol8, Isol8, RemoteIsol8 } = await import(file.href);

/** What starts the `isol8` command of the same package. */
export const LAUNCHER = fileURLToPath(new URL("./bin/launch.cjs", file));
