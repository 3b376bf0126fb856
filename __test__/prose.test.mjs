// The check of the Markdown files finds each kind of problem.

import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { anchors, brokenLinks, longSentences, missingPaths } from "../scripts/check-prose.mjs";
import { test } from "./helpers/harness.mjs";

/** A document beside this file, whose text is given below. */
const HERE = fileURLToPath(new URL("prose.md", import.meta.url));
const lines = (problems) => problems.map(({ line }) => line);

test("long sentences are found in paragraphs, lists and tables, across lines", () => {
  const long = "one two three\nfour five six";
  assert.deepEqual(lines(longSentences(`# A title\n\n${long}.`, 5)), [3]);
  assert.deepEqual(lines(longSentences(`* first\n* ${long.replace("\n", "\n  ")}`, 5)), [2]);
  assert.deepEqual(lines(longSentences(`| a | ${long.replace("\n", " ")} |`, 5)), [1]);
  assert.deepEqual(longSentences(`${long}.`, 6), []);
});

test("code, links and separate sentences do not make a sentence long", () => {
  const markdown = [
    "one two `three four five six` [seven eight](a-long-address)",
    "",
    "one two three. four five six! seven eight nine?",
    "",
    "```sh",
    "one two three four five six seven",
    "```",
    "* one two three",
    "* four five six",
  ].join("\n");
  assert.deepEqual(longSentences(markdown, 5), []);
});

test("headings get the anchors that GitHub gives them", () => {
  const headings = "# What's `new` in 0.20?\n## Same\n## Same\n```\n# no heading\n```";
  assert.deepEqual([...anchors(headings)], ["whats-new-in-020", "same", "same-1"]);
});

test("links to missing files and headings are found, others are not", () => {
  const links = [
    "# Here",
    "[a](#here) [b](prose.test.mjs) [c](https://example.com/x) [d](../README.md#licence)",
    "[e](#there)",
    "[f](missing.md)",
    "[g](../README.md#no-such-heading)",
    "[h]: missing.md",
    "`[i](missing.md)`",
  ].join("\n");
  assert.deepEqual(lines(brokenLinks(HERE, links)), [3, 4, 5, 6]);
});

test("paths of the repository that do not exist are found", () => {
  const paths = "`scripts/check-prose.mjs` `lib/` `npm/<x>` `a/b`\n`lib/none.cjs`\n`docs/none/`";
  assert.deepEqual(lines(missingPaths(paths)), [2, 3]);
});

test("the architecture answers where to add something with one path each", () => {
  const page = readFileSync(new URL("../ARCHITECTURE.md", import.meta.url), "utf8");
  const [, section] = page.split("\n## Where to add something\n");
  const rows = section
    .split("\n## ")[0]
    .split("\n")
    .filter((line) => line.startsWith("| "));
  const starts = Object.fromEntries(
    rows.slice(1).map((row) => row.slice(2, -2).split(" | ").slice(0, 2)),
  );
  for (const what of ["runtime", "backend", "option", "message", "limit"]) {
    const found = Object.keys(starts).some((name) => name.includes(what));
    assert.ok(found, `where to add a ${what}`);
  }
  for (const [what, start] of Object.entries(starts)) {
    const [, path] = /^`([^`]+)`$/.exec(start) ?? [];
    if (what === "an error") continue;
    assert.ok(path && existsSync(new URL(`../${path}`, import.meta.url)), `${what}: ${start}`);
  }
});
