// Runs each program in examples/ and compares its output with the comment at its top.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { scriptProcess } from "./helpers/child.mjs";
import { test } from "./helpers/harness.mjs";

const FOLDER = fileURLToPath(new URL("../examples/", import.meta.url));

/** The lines below "Prints:" in the comment at the top of a program. */
function promised(text) {
  const [, comment] = /^\/\/ Prints:\n((?:\/\/ {3}.*\n)+)/m.exec(text) ?? [];
  return comment?.replaceAll(/^\/\/ {3}/gm, "");
}

for (const name of readdirSync(FOLDER)) {
  test(`examples/${name} prints what its comment promises`, async () => {
    const expected = promised(readFileSync(`${FOLDER}${name}`, "utf8"));
    assert.ok(expected, "the comment at the top has no lines below Prints:");
    const { code, stdout, stderr } = await scriptProcess(`${FOLDER}${name}`).ended;
    assert.deepEqual([code, stderr, stdout], [0, "", expected]);
  });
}
