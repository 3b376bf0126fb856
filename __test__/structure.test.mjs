// Each crate uses those of ours that the map in ARCHITECTURE.md names, and needs no library of another one's job. Its folders
// do not import each other in a circle.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "./helpers/harness.mjs";

const read = (path) => readFileSync(new URL(`../${path}`, import.meta.url), "utf8");

/** Libraries of one job, and the only crates that may depend on them directly. Tests may use others. */
const JOBS = {
  bollard: ["docker"],
  axum: ["server"],
  sqlx: ["keys"],
  napi: ["node"],
  clap: ["cli"],
  yamux: ["engine", "fakes", "guest"],
};

/** Crates that the engine must not reach, by whatever way. */
const NOT_OF_THE_ENGINE = ["docker", "local", "server", "client", "keys", "cli", "assembly"];

/** The names of the dependencies of a crate, without those of its tests and its build script. */
function dependencies(folder) {
  const sections = read(`${folder}/Cargo.toml`).split(/^\[/m);
  const wanted = sections.filter((section) => /^(target\..*\.)?dependencies\]/.test(section));
  return wanted.flatMap((section) =>
    [...section.matchAll(/^([\w-]+)(?:\.workspace)? *=/gm)].map(([, name]) => name),
  );
}

/** The parts of a crate by name, each a folder or a file of `src`, with the parts that each imports. Tests are left out. */
function parts(folder) {
  const source = `${folder}/src`;
  const files = readdirSync(new URL(`../${source}`, import.meta.url), { recursive: true });
  const found = new Map();
  for (const file of files.filter((file) => file.endsWith(".rs"))) {
    if (/(^|\/)(tests?|testing)(\.rs|\/)/.test(file)) continue;
    const name = file.split("/")[0].replace(/\.rs$/, "");
    if (["lib", "main"].includes(name)) continue;
    const [code] = read(`${source}/${file}`).split(/^#\[cfg\(test\)\]\n(?:pub\S* )?mod /m);
    const imports = found.get(name) ?? found.set(name, new Set()).get(name);
    for (const path of paths(code.replace(/\/\/.*/g, ""))) imports.add(path);
  }
  return found;
}

/** The first names of all paths that begin with `crate`. */
function* paths(code) {
  for (const { index, 0: start } of code.matchAll(/\bcrate::(?=[\w{])/g)) {
    const rest = code.slice(index + start.length);
    if (rest[0] !== "{") {
      yield /^\w+/.exec(rest)[0];
      continue;
    }
    let depth = 0;
    let isFirst = false;
    for (const { 0: token } of rest.matchAll(/[{},]|\w+/g)) {
      if (depth === 1 && isFirst && /\w/.test(token)) yield token;
      if (token === "{") depth += 1;
      else if (token === "}") depth -= 1;
      isFirst = depth === 1 && /[{,]/.test(token);
      if (depth === 0) break;
    }
  }
}

/** Our crates by their folders, and what each may use of ours, as the map says. */
function map() {
  const rows = read("ARCHITECTURE.md").matchAll(
    /^\| (`(?:crates\/|bindings\/|fuzz).*?) \|.*\| (.*) \|$/gm,
  );
  return Object.fromEntries(
    [...rows].flatMap(([, folders, uses]) => {
      const named = uses.replace(/\([^)]*\)/g, "").split(", ");
      const allowed = named.map((name) => name.trim()).filter((name) => name !== "nothing");
      return [...folders.matchAll(/`([^`]+?)\/?`/g)].map(([, folder]) => [folder, allowed]);
    }),
  );
}

const crates = map();
const nameOf = (folder) => folder.split("/").at(-1);
const ours = (folder) =>
  dependencies(folder)
    .filter((name) => name.startsWith("isol8-"))
    .map((name) => name.slice("isol8-".length));

test("the map names every crate of the workspace", () => {
  const patterns = /^members = \[([^\]]*)\]/m.exec(read("Cargo.toml"))[1];
  const members = [...patterns.matchAll(/"([^"]+)"/g)].flatMap(([, pattern]) => {
    const [folder, star] = pattern.split("/");
    const inside = star && readdirSync(new URL(`../${folder}`, import.meta.url));
    return inside ? inside.map((name) => `${folder}/${name}`) : [pattern];
  });
  assert.deepEqual(members.sort(), Object.keys(crates).sort());
});

for (const [folder, allowed] of Object.entries(crates)) {
  test(`${folder} uses of ours what the map says`, () => {
    const beyond = ours(folder).filter((name) => !allowed.includes(name));
    assert.deepEqual(beyond, []);
  });
}

test("a library of one job is used by the crate that has this job", () => {
  for (const [library, users] of Object.entries(JOBS)) {
    const found = Object.keys(crates).filter((folder) => dependencies(folder).includes(library));
    assert.deepEqual(found.map(nameOf).sort(), users, library);
  }
});

test("the sources of a crate name each of its dependencies", () => {
  for (const folder of Object.keys(crates)) {
    const files = readdirSync(new URL(`../${folder}`, import.meta.url), { recursive: true });
    const sources = files.filter((file) => /^(src|fuzz_targets)\/.*\.rs$/.test(file));
    const code = sources.map((file) => read(`${folder}/${file}`).replace(/\/\/.*/g, "")).join("\n");
    const words = new Set(code.match(/\w+/g));
    const unused = dependencies(folder).filter((name) => !words.has(name.replaceAll("-", "_")));
    assert.deepEqual(unused, [], folder);
  }
});

test("the engine reaches no backend, no server and no database", () => {
  const folders = Object.fromEntries(Object.keys(crates).map((folder) => [nameOf(folder), folder]));
  const reached = new Set();
  const visit = (name) => {
    if (reached.has(name)) return;
    reached.add(name);
    for (const next of ours(folders[name])) visit(next);
  };
  visit("engine");
  assert.ok(reached.has("backend"));
  assert.deepEqual(
    NOT_OF_THE_ENGINE.filter((name) => reached.has(name)),
    [],
  );
});

test("the map says what each folder of the engine and of the guest does", () => {
  const rows = read("ARCHITECTURE.md").split("\n");
  for (const crate of ["engine", "guest"]) {
    const source = `crates/${crate}/src`;
    const entries = readdirSync(new URL(`../${source}`, import.meta.url), { withFileTypes: true });
    const folders = entries.filter((entry) => entry.isDirectory());
    assert.ok(folders.length > 5, source);
    for (const { name } of folders) {
      const described = rows.filter((row) => row.split(" | ")[0].includes(`\`${source}/${name}\``));
      assert.equal(described.length, 1, `${source}/${name}`);
    }
  }
});

/** The parts of a crate that lead back to themselves. */
function circles(folder) {
  const all = parts(folder);
  const reach = (from) => {
    const reached = new Set();
    const visit = (name) => {
      for (const next of all.get(name) ?? []) {
        if (next === name || reached.has(next)) continue;
        reached.add(next);
        visit(next);
      }
    };
    visit(from);
    return reached;
  };
  return [...all.keys()].filter((name) => reach(name).has(name)).sort();
}

test("no folders of a crate import each other in a circle", () => {
  for (const folder of Object.keys(crates)) {
    if (folder === "fuzz") continue;
    assert.deepEqual(circles(folder), [], folder);
  }
  assert.ok(parts("crates/engine").get("engine").has("plan"));
});
