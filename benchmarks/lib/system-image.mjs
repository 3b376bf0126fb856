// An image of this machine's own interpreters, so that both backends run the same files. The runtime images have other
// builds of them, and modules that a system loads at each start of Python are not in the images.

import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { lstatSync, readlinkSync, realpathSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { docker } from "./docker.mjs";

const TAG = "isol8-benchmark:system";

/** Label with the digest of what is in the image. */
const FILES_LABEL = "isol8.benchmark.files";

const PROGRAMS = ["/usr/bin/sh", "/usr/bin/bash", "/usr/bin/python3"];

/** Where programs and their libraries look beside their own directories. */
const OTHERS = ["/etc/ld.so.cache", "/usr/lib/locale"];

const command = promisify(execFile);

/** Makes the image unless a current one exists. Returns its tag. */
export async function systemImage() {
  const all = topmost((await wanted()).flatMap(withLinks));
  const digest = createHash("sha256").update(all.map(describe).join("\n")).digest("hex");
  const present = await docker("GET", `/images/${TAG}/json`).catch(() => undefined);
  if (present?.Config.Labels?.[FILES_LABEL] === digest) return TAG;
  const changes = [
    `LABEL ${FILES_LABEL}=${digest}`,
    "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
  ];
  await importFiles(
    all,
    changes.flatMap((change) => ["--change", change]),
  );
  return TAG;
}

/** The programs, their libraries, and Python's modules. */
async function wanted() {
  const linked = await command("ldd", PROGRAMS);
  const libraries = linked.stdout.match(/\/\S+(?= \()/g) ?? [];
  const { stdout } = await command("/usr/bin/python3", [
    "-c",
    "import os, sys; print(*[place for place in sys.path if os.path.isdir(place)], sep='\\n')",
  ]);
  const modules = stdout.split("\n").filter((place) => place.startsWith("/usr/lib/"));
  const ofPython = modules.map((place) => `/etc/${path.basename(place)}`);
  return [...PROGRAMS, ...libraries, ...modules, ...ofPython, ...OTHERS].filter(exists);
}

function exists(file) {
  return lstatSync(file, { throwIfNoEntry: false }) !== undefined;
}

/** A path, the links on the way to it, and the file or directory that they lead to. */
function withLinks(file) {
  const links = [];
  let at = "/";
  for (const part of file.split("/").filter(Boolean)) {
    const next = path.join(at, part);
    if (lstatSync(next).isSymbolicLink()) {
      const onTheWay = withLinks(path.resolve(at, readlinkSync(next)));
      links.push(next, ...onTheWay.slice(0, -1));
    }
    at = realpathSync(next);
  }
  return [...links, at];
}

/** Without what lies in a directory that is packed as a whole, each once. */
function topmost(files) {
  const isBelow = (file, other) => file.startsWith(`${other}/`);
  const all = [...new Set(files)].sort();
  return all.filter((file) => !all.some((other) => isBelow(file, other)));
}

function describe(file) {
  const { size, mtimeMs } = lstatSync(file);
  return `${file} ${size} ${mtimeMs}`;
}

/** Packs files with tar into an image without layers below. */
function importFiles(files, words) {
  const script = 'set -e; tar --create --directory=/ --files-from=- | docker import "$@"';
  const packing = command("sh", ["-c", script, "sh", ...words, "-", TAG]);
  packing.child.stdin.end(files.map((file) => `${file.slice(1)}\n`).join(""));
  return packing;
}
