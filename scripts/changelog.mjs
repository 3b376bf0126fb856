// Prints the changelog's section of a version, for its release.
//
// node scripts/changelog.mjs VERSION

import { readFileSync } from "node:fs";
import { root } from "./steps.mjs";

const [version] = process.argv.slice(2);
const sections = readFileSync(`${root}/CHANGELOG.md`, "utf8").split(/^## (?=\[)/m);
const section = sections.find((text) => text.startsWith(`[${version}] - `));
if (!section) {
  console.error(`[ERR] CHANGELOG.md has no dated section for version ${version}`);
  process.exit(1);
}
// Without its own heading, and without the links at the end of the file.
console.log(
  section
    .replace(/^.*\n/, "")
    .replace(/^\[[^\]]*\]: .*$/gm, "")
    .trim(),
);
