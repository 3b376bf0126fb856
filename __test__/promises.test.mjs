// Each promise of the threat model, and each row of a table with tests, names tests that exist.

import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "./helpers/harness.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const text = (path) => readFileSync(join(root, path), "utf8");

/** The rows of the table under a heading, without its head. Each is a list of cells. */
function tableUnder(page, heading) {
  const [, section] = text(page).split(`\n${heading}\n`);
  assert.ok(section, `${page} has ${heading}`);
  const lines = section.split(/\n#+ /)[0].split("\n");
  const rows = lines.filter((line) => line.startsWith("| ")).slice(1);
  return rows.map((row) => row.slice(2, -2).split(" | "));
}

/** The files of a path: itself, or all below a folder. */
function filesOf(path) {
  if (!statSync(join(root, path)).isDirectory()) return [path];
  return readdirSync(join(root, path)).flatMap((name) => filesOf(`${path}/${name}`));
}

const TESTS_IN_RUST = /#\[(?:tokio::)?test\b[^\]]*\](?:\s*#\[[^\]]*\])*\s*(?:async )?fn (\w+)\(/g;
const TESTS_IN_JAVASCRIPT = /\btest\w*\(\s*(["'`])(.*?)\1/gs;

/** The names of the tests of a file, or of all files of a folder. */
function testsOf(path) {
  return filesOf(path).flatMap((file) => {
    if (file.endsWith(".rs"))
      return [...text(file).matchAll(TESTS_IN_RUST)].map(([, name]) => name);
    return [...text(file).matchAll(TESTS_IN_JAVASCRIPT)].map(([, , name]) => name);
  });
}

/** Paths in code, each perhaps with the name of a test after a colon. */
const REFERENCE = /`((?:__test__|crates|docker)\/[^`]+)`(?:: `([^`]+)`)?/g;

/** What is wrong with the tests that a cell names. */
function faultsOf(cell) {
  const named = [...cell.matchAll(REFERENCE)];
  if (named.length === 0) return [`no test: ${cell}`];
  return named.flatMap(([, path, name]) => {
    if (!existsSync(join(root, path))) return [`no such file: ${path}`];
    const tests = testsOf(path);
    if (tests.length === 0) return [`no tests in ${path}`];
    return name === undefined || tests.includes(name) ? [] : [`no test ${name} in ${path}`];
  });
}

test("each promise of the threat model names tests that exist", () => {
  const rows = tableUnder("docs/design/threat-model.md", "## Promises and their tests");
  assert.ok(rows.length > 40, `${rows.length} rows`);
  assert.deepEqual(
    rows.flatMap(([promise, cell]) => faultsOf(cell).map((fault) => `${promise} ${fault}`)),
    [],
  );
});

test("each instruction and each variable of an image names a test that exists", () => {
  const rows = tableUnder("docs/design/images.md", "## What an image declares");
  const known = new Set(testsOf("crates/engine/tests/it/image_declarations.rs"));
  let before = "";
  for (const [what, , cell] of rows.filter((row) => row.length === 3 && row[0].includes("`"))) {
    if (cell === "see below") continue;
    const names = cell.replace("the same", before);
    const own = [...names.matchAll(/`(\w+)`/g)].map(([, name]) => name);
    for (const name of own) assert.ok(known.has(name), `${what}: no test ${name}`);
    const faults = names.includes("/") ? faultsOf(names) : [];
    assert.deepEqual(faults, [], what);
    assert.ok(own.length > 0 || names.includes("/"), `${what} has no test`);
    before = names;
  }
});

test("a test that does not exist is noticed", () => {
  assert.deepEqual(faultsOf("`__test__/promises.test.mjs`: `no such test`"), [
    "no test no such test in __test__/promises.test.mjs",
  ]);
  assert.deepEqual(faultsOf("`__test__/none.mjs`"), ["no such file: __test__/none.mjs"]);
  assert.deepEqual(faultsOf("words"), ["no test: words"]);
});
