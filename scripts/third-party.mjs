// The notice of everything in a platform's package that others have written, with its licences. The texts
// come from the sources that are compiled in; `licenses/` has those of the few that ship none.
//
// node scripts/third-party.mjs PLATFORM   (linux-x64-gnu, …) prints it

import { readdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { root, run } from "./steps.mjs";

/** What a platform's addon is compiled for, and the guest inside it. */
const TARGETS = {
  "linux-x64-gnu": ["x86_64-unknown-linux-gnu", "x86_64-unknown-linux-gnu"],
  "linux-arm64-gnu": ["aarch64-unknown-linux-gnu", "aarch64-unknown-linux-gnu"],
  "darwin-x64": ["x86_64-apple-darwin", "x86_64-unknown-linux-musl"],
  "darwin-arm64": ["aarch64-apple-darwin", "aarch64-unknown-linux-musl"],
};

/** Crates of ours whose dependencies end up in the package: the addon, the program, and the guest inside both. */
const ADDON = "isol8-node";
const PROGRAM = "isol8-cli";
const GUEST = "isol8-guest";

const LICENSE_FILE = /^(licen[cs]e|copying|copyright|notice|unlicense)/i;
const NOTICE_FILE = /^(notice|copyright)/i;
const text = async (...path) =>
  (await readFile(join(...path), "utf8")).replaceAll("\r\n", "\n").trim();

/** What is linked in and is no crate. */
async function libraries(guestTarget) {
  const mit = await text(root, "licenses/MIT.txt");
  const rust = {
    name: "The standard library of Rust",
    license: "MIT OR Apache-2.0",
    url: "https://github.com/rust-lang/rust",
    texts: [`Copyright (c) The Rust Project Contributors\n\n${mit}`],
  };
  const musl = {
    name: "musl libc, in the guest",
    license: "MIT",
    url: "https://musl.libc.org",
    texts: [`Copyright (c) 2005-2020 Rich Felker, et al.\n\n${mit}`],
  };
  const glibc = {
    name: "The GNU C Library, in the guest",
    license: "LGPL-2.1-or-later",
    url: "https://sourceware.org/glibc",
    texts: [await text(root, "licenses/LGPL-2.1.txt")],
  };
  return [rust, guestTarget.endsWith("-musl") ? musl : glibc];
}

/** The crates that are linked into `crate` for a target, but ours. */
async function crates(crate, target) {
  const words = [
    "metadata",
    "--quiet",
    "--format-version",
    "1",
    "--locked",
    "--filter-platform",
    target,
  ];
  const { packages, resolve } = JSON.parse(await run("cargo", words, { quiet: true }));
  const packageOf = new Map(packages.map((each) => [each.id, each]));
  const nodeOf = new Map(resolve.nodes.map((each) => [each.id, each]));
  const start = packages.find(({ name, source }) => name === crate && source === null);
  if (!start) throw new Error(`the workspace has no crate ${crate}`);
  const pending = [start.id];
  const seen = new Set(pending);
  for (const id of pending) {
    for (const { pkg, dep_kinds: kinds } of nodeOf.get(id).deps) {
      const runs = packageOf.get(pkg).targets.some(({ kind }) => kind.includes("proc-macro"));
      // Procedural macros and build scripts run while compiling, and stay there.
      if (runs || seen.has(pkg) || kinds.every(({ kind }) => kind !== null)) continue;
      seen.add(pkg);
      pending.push(pkg);
    }
  }
  return pending.map((id) => packageOf.get(id)).filter(({ source }) => source !== null);
}

/** The licence files of a folder that count for a licence expression. */
function chosen(files, license) {
  const notices = files.filter((name) => NOTICE_FILE.test(name));
  const others = files.filter((name) => !NOTICE_FILE.test(name));
  const named = others.filter((name) => /mit/i.test(name));
  // Where there is a choice, MIT is chosen.
  const free = /\bMIT\b/.test(license) && !/\bAND\b/.test(license);
  return [...(free && named.length > 0 ? named : others), ...notices];
}

/** A crate as the notice names it. */
async function described({ name, version, license, authors, repository, manifest_path: manifest }) {
  const folder = dirname(manifest);
  // Some crates have a folder of that name, beside the files.
  const entries = (await readdir(folder, { withFileTypes: true })).filter((entry) =>
    entry.isFile(),
  );
  const files = entries
    .map(({ name: file }) => file)
    .filter((file) => LICENSE_FILE.test(file))
    .sort();
  const texts = await Promise.all(chosen(files, license).map((file) => text(folder, file)));
  if (texts.length === 0) {
    const known = ["MIT", "Apache-2.0"].find((each) => license.split(/ OR |\//).includes(each));
    if (!known) throw new Error(`${name} ${version} (${license}) ships no licence`);
    const standard = await text(root, `licenses/${known}.txt`);
    texts.push(`Copyright (c) ${authors.join(", ") || `the authors of ${name}`}\n\n${standard}`);
  }
  return { name: `${name} ${version}`, license, url: repository, texts };
}

/** The npm packages of which the launchers have files. */
async function npmPackages() {
  const files = JSON.parse(await text(root, "crates/backend/npm-files.json"));
  const names = new Set(Object.values(files).map((file) => file.split("/")[0]));
  return Promise.all(
    [...names].map(async (name) => {
      const folder = join(root, "node_modules", name);
      const { version, license } = JSON.parse(await text(folder, "package.json"));
      const url = `https://www.npmjs.com/package/${name}`;
      const texts = [await text(folder, "LICENSE")];
      return { name: `${name} ${version}`, license, url, texts };
    }),
  );
}

/**
 * The notice for the package of a platform.
 *
 * @param {string} platform as the folders of `npm/` are called
 * @returns {Promise<string>}
 */
export async function thirdParty(platform) {
  const targets = TARGETS[platform];
  if (!targets) throw new Error(`scripts/third-party.mjs knows no platform ${platform}`);
  const [addonTarget, guestTarget] = targets;
  const linked = [
    ...(await crates(ADDON, addonTarget)),
    ...(await crates(PROGRAM, addonTarget)),
    ...(await crates(GUEST, guestTarget)),
  ];
  const unique = [...new Map(linked.map((crate) => [crate.id, crate])).values()];
  const parts = [
    ...(await Promise.all(unique.map(described))),
    ...(await npmPackages()),
    ...(await libraries(guestTarget)),
  ];
  const users = new Map();
  for (const { texts, ...part } of parts) {
    for (const each of texts) users.set(each, [...(users.get(each) ?? []), part]);
  }
  const heading =
    "isol8 contains the software that is named here. Each licence stands below the names of those that\n" +
    "it is for. Where a licence offers a choice, this is the one that was chosen.";
  const sections = [...users].map(([license, those]) => {
    const names = those.map(
      (part) => `${part.name} (${part.license})${part.url ? ` ${part.url}` : ""}`,
    );
    return `${"=".repeat(80)}\n${names.sort().join("\n")}\n${"-".repeat(80)}\n\n${license}`;
  });
  return `${[heading, ...sections.sort()].join("\n\n")}\n`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  process.stdout.write(await thirdParty(process.argv[2]));
}
