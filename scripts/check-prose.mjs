// Checks the Markdown files of the repository: no sentence is too long to be read once, and every
// relative link and every path in backquotes leads to something that exists.

import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { root } from "./steps.mjs";

/** Longest sentence, in words. */
const MAX_WORDS = 35;

/** Folders with which a path of the repository begins. */
const FOLDERS = [
  ".github",
  "__test__",
  "benchmarks",
  "bindings",
  "crates",
  "docker",
  "docs",
  "examples",
  "fuzz",
  "lib",
  "npm",
  "schema",
  "scripts",
  "types",
];

/** How much of a long sentence is shown. */
const SHOWN_WORDS = 12;

/**
 * Removes what is not prose: code blocks and comments. Lines keep their numbers.
 *
 * @param {string} markdown
 * @returns {string[]} lines
 */
function proseLines(markdown) {
  const blank = (block) => block.replace(/[^\n]/g, "");
  return markdown
    .replace(/^( *)(```|~~~)[^\n]*\n.*?^\1\2 *$/gms, blank)
    .replace(/<!--.*?-->/gs, blank)
    .split("\n");
}

/**
 * Splits lines into paragraphs. A heading, an item of a list and a cell of a table each count as one.
 *
 * @param {string[]} lines
 * @returns {{line: number, text: string}[]} with the number of their first line
 */
function paragraphs(lines) {
  const found = [];
  let current;
  for (const [index, text] of lines.entries()) {
    const line = index + 1;
    if (/^\s*\|/.test(text)) {
      current = undefined;
      for (const cell of text.split(/(?<!\\)\|/)) found.push({ line, text: cell });
    } else if (/^\s*$/.test(text)) {
      current = undefined;
    } else if (current === undefined || /^\s*([-*+]|\d+\.|#+)\s/.test(text)) {
      current = { line, text: text.replace(/^\s*([-*+]|\d+\.|#+)\s+/, "") };
      found.push(current);
      if (/^\s*#/.test(text)) current = undefined;
    } else {
      current.text += ` ${text.replace(/^\s*>?\s*/, "")}`;
    }
  }
  return found;
}

/**
 * The sentences of a paragraph. A code span counts as one word and a link as its text.
 *
 * @param {string} text
 * @returns {string[]}
 */
function sentences(text) {
  return text
    .replace(/(`+).+?\1/g, "code")
    .replace(/!?\[([^\]]*)\]\([^)]*\)/g, "$1")
    .replace(/[*_]{1,2}(?=\S)|(?<=\S)[*_]{1,2}/g, "")
    .split(/(?<=[.!?]["')\]]*)\s+/);
}

/**
 * The sentences of a Markdown text that are too long.
 *
 * @param {string} markdown
 * @param {number} limit in words
 * @returns {{line: number, problem: string}[]}
 */
export function longSentences(markdown, limit = MAX_WORDS) {
  return paragraphs(proseLines(markdown)).flatMap(({ line, text }) =>
    sentences(text).flatMap((sentence) => {
      const words = sentence.split(/\s+/).filter((word) => /[\p{L}\p{N}]/u.test(word));
      if (words.length <= limit) return [];
      const start = words.slice(0, SHOWN_WORDS).join(" ");
      return [{ line, problem: `sentence of ${words.length} words: "${start} …"` }];
    }),
  );
}

/**
 * The anchors of the headings of a Markdown text, as GitHub makes them.
 *
 * @param {string} markdown
 * @returns {Set<string>}
 */
export function anchors(markdown) {
  const found = new Set();
  for (const line of proseLines(markdown)) {
    const heading = /^#+\s+(.*?)\s*#*$/.exec(line)?.[1];
    if (heading === undefined) continue;
    const slug = heading
      .replace(/!?\[([^\]]*)\]\([^)]*\)/g, "$1")
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, "")
      .replace(/\s/g, "-");
    let unique = slug;
    for (let count = 1; found.has(unique); count += 1) unique = `${slug}-${count}`;
    found.add(unique);
  }
  return found;
}

/**
 * The relative links of a Markdown file that lead nowhere.
 *
 * @param {string} path of the file
 * @param {string} markdown
 * @returns {{line: number, problem: string}[]}
 */
export function brokenLinks(path, markdown) {
  const problems = [];
  for (const [index, text] of proseLines(markdown).entries()) {
    const links = text
      .replace(/(`+).+?\1/g, "")
      .matchAll(/\]\(([^)\s]+)[^)]*\)|^\s*\[[^\]]+\]:\s*(\S+)/g);
    for (const [, inline, reference] of links) {
      const link = inline ?? reference;
      if (/^[a-z][a-z0-9+.-]*:/i.test(link)) continue;
      const [file, anchor] = link.split("#");
      const target = file === "" ? path : join(dirname(path), decodeURIComponent(file));
      const problem = linkProblem(target, anchor, target === path ? markdown : undefined);
      if (problem !== undefined)
        problems.push({ line: index + 1, problem: `link ${link}: ${problem}` });
    }
  }
  return problems;
}

/** What is wrong with a link to `anchor` of the file `target`, whose text may be known. */
function linkProblem(target, anchor, known) {
  if (known === undefined && !existsSync(target)) return "no such file";
  if (anchor === undefined || !target.endsWith(".md")) return undefined;
  return anchors(known ?? readFileSync(target, "utf8")).has(anchor) ? undefined : "no such heading";
}

/**
 * The paths in backquotes that do not exist. A path begins with a folder of the repository. Patterns
 * such as `npm/<platform>` are left alone.
 *
 * @param {string} markdown
 * @returns {{line: number, problem: string}[]}
 */
export function missingPaths(markdown) {
  const problems = [];
  for (const [index, text] of proseLines(markdown).entries()) {
    for (const [, path] of text.matchAll(/`([\w.-]+\/[\w./@-]*)`/g)) {
      const [folder] = path.split("/");
      if (!FOLDERS.includes(folder) || existsSync(join(root, path))) continue;
      problems.push({ line: index + 1, problem: `no such path: ${path}` });
    }
  }
  return problems;
}

/** The Markdown files of the repository, those that are not committed yet among them. */
function markdownFiles() {
  const args = ["ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", "*.md"];
  const listed = execFileSync("git", args, { cwd: root, encoding: "utf8" });
  return listed.split("\0").filter((name) => name !== "" && existsSync(join(root, name)));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const names = markdownFiles();
  let failures = 0;
  for (const name of names) {
    const path = join(root, name);
    const markdown = readFileSync(path, "utf8");
    const problems = [
      ...longSentences(markdown),
      ...brokenLinks(path, markdown),
      ...missingPaths(markdown),
    ];
    for (const { line, problem } of problems) {
      console.error(`${relative(root, path)}:${line}: ${problem}`);
      failures += 1;
    }
  }
  console.log(`${names.length} Markdown files, ${failures} problems`);
  process.exit(failures > 0 || names.length === 0 ? 1 : 0);
}
