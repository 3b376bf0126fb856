// npm run build, npm run build:debug: builds the addon and the isol8 program in one go, so that they share what they
// have in common. Puts both into the project's folder. Further arguments are those of `napi build`.

import { chmod, copyFile, rename } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { root, run } from "./steps.mjs";
import { hostTarget, TARGETS } from "./target.mjs";

const { PLATFORMS } = createRequire(import.meta.url)("../lib/platform.cjs");

/** The crates of the addon and of the program. */
const ADDON = "isol8-node";
const PROGRAM = "isol8-cli";

const words = process.argv.slice(2);

/** Returns what follows a flag. */
const after = (flag) => (words.includes(flag) ? words[words.indexOf(flag) + 1] : undefined);

const target = after("--target") ?? hostTarget();
const machine = Object.keys(TARGETS).find((name) => TARGETS[name] === target);
const platform = PLATFORMS.find((name) => machine && name.startsWith(machine));
if (!platform) throw new Error(`isol8 has no package for ${target ?? process.platform}`);

const binding = ["--platform", "--manifest-path", "bindings/node/Cargo.toml", "--output-dir", "."];
const generated = ["--js", "native.cjs", "--dts", "native.d.ts"];
const crates = ["--", "--package", ADDON, "--package", PROGRAM];
await run("node_modules/.bin/napi", ["build", ...binding, ...generated, ...words, ...crates]);

const profile = words.includes("--release") ? "release" : "debug";
const folder = join(process.env.CARGO_TARGET_DIR ?? join(root, "target"), target);
const placed = join(root, `isol8.${platform}.bin`);
// Under another name first: a program that runs cannot be written to.
await copyFile(join(folder, profile, "isol8"), `${placed}.new`);
await chmod(`${placed}.new`, 0o755);
await rename(`${placed}.new`, placed);
