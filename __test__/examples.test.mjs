// Runs each program in examples/ and compares its output with the comment at its top.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { scriptProcess } from "./helpers/child.mjs";
import { docker } from "./helpers/docker.mjs";
import { test } from "./helpers/harness.mjs";

const FOLDER = fileURLToPath(new URL("../examples/", import.meta.url));

/** The lines below "Prints:" in the comment at the top of a program. */
function promised(text) {
  const [, comment] = /^\/\/ Prints:\n((?:\/\/ {3}.*\n)+)/m.exec(text) ?? [];
  return comment?.replaceAll(/^\/\/ {3}/gm, "");
}

/** The image that a program builds and keeps. */
const image = (text) => /^const IMAGE = "(.*)";$/m.exec(text)?.[1];

for (const name of readdirSync(FOLDER)) {
  const text = readFileSync(`${FOLDER}${name}`, "utf8");
  test(`examples/${name} prints what its comment promises`, { timeout: 600_000 }, async () => {
    const expected = promised(text);
    assert.ok(expected, "the comment at the top has no lines below Prints:");
    try {
      const { code, stdout, stderr } = await scriptProcess(`${FOLDER}${name}`).ended;
      assert.deepEqual([code, stderr, stdout], [0, "", expected]);
    } finally {
      if (image(text)) await docker("rmi", "--force", image(text));
    }
  });
}
