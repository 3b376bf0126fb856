// Packs what is published: `@isol8/core`, one package for each platform with the native engine and the isol8 program in
// it, and two packages of the command alone. `@isol8/core` depends on the platforms optionally, and the command on
// `@isol8/core`, at the same version. Writes tarballs.
//
// node scripts/pack.mjs DIRECTORY [--all]
//
// Packs the platforms whose addon is in this checkout. With `--all`, a missing addon is an error.

import { execFile } from "node:child_process";
import { chmod, cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { root } from "./steps.mjs";
import { thirdParty } from "./third-party.mjs";

const execute = promisify(execFile);
const LICENSE = "LICENSE";
const NOTICE = "THIRD-PARTY.txt";

/** The program in the package of a platform, and the folder that starts it in every package of the command. */
const PROGRAM = "isol8";
const LAUNCHER = "bin";

/** Packages with nothing but the command. */
const COMMANDS = ["@isol8/cli", "isol8"];

const readJson = async (path) => JSON.parse(await readFile(path, "utf8"));
const writeJson = (path, value) => writeFile(path, `${JSON.stringify(value, null, 2)}\n`);

/** Packs the package in `folder`. Returns the path of its tarball. */
async function npmPack(folder, destination) {
  const { stdout } = await execute("npm", ["pack", "--json", "--pack-destination", destination], {
    cwd: folder,
  });
  const [{ filename }] = JSON.parse(stdout);
  return join(destination, filename);
}

/** Returns the files of the root package, as its `files` field lists them. */
async function rootFiles() {
  const { stdout } = await execute("npm", ["pack", "--json", "--dry-run"], { cwd: root });
  const [{ files }] = JSON.parse(stdout);
  return files.map(({ path }) => path);
}

/** Packs the package of a platform. Returns undefined when its addon is not in this checkout. */
async function packPlatform(name, version, stage, destination) {
  const folder = join(stage, name);
  await cp(join(root, "npm", name), folder, { recursive: true });
  const manifest = await readJson(join(folder, "package.json"));
  const { main, version: stated } = manifest;
  if (stated !== version) {
    throw new Error(`npm/${name} is of version ${stated}, not ${version}: npm run platforms`);
  }
  try {
    await cp(join(root, main), join(folder, main));
  } catch (error) {
    if (error.code !== "ENOENT") throw error;
    return undefined;
  }
  const program = join(folder, PROGRAM);
  await cp(join(root, `isol8.${name}.bin`), program);
  await chmod(program, 0o755);
  await cp(join(root, LICENSE), join(folder, LICENSE));
  await writeFile(join(folder, NOTICE), await thirdParty(name));
  // Without a type, tools have to guess how an addon is loaded.
  const packed = { ...manifest, files: [...manifest.files, PROGRAM, NOTICE], type: "commonjs" };
  await writeJson(join(folder, "package.json"), packed);
  return npmPack(folder, destination);
}

/** Packs a package of the command. It has the launcher, and gets everything else from `@isol8/core`. */
async function packCommand(name, core, stage, destination) {
  const folder = join(stage, name.replaceAll("/", "-"));
  await cp(join(root, LAUNCHER), join(folder, LAUNCHER), { recursive: true });
  await cp(join(root, LICENSE), join(folder, LICENSE));
  await writeFile(
    join(folder, "README.md"),
    `# ${name}\n\nThe \`isol8\` command. It is documented in \`${core.name}\`: <${core.homepage}>.\n`,
  );
  const { version, license, homepage, repository, bugs, keywords, engines, bin } = core;
  await writeJson(join(folder, "package.json"), {
    name,
    version,
    description: "The isol8 command: runs untrusted code in sandboxes",
    ...{ keywords, license, homepage, repository, bugs },
    type: "commonjs",
    bin,
    files: [LAUNCHER],
    engines,
    dependencies: { [core.name]: version },
  });
  return npmPack(folder, destination);
}

/**
 * Packs everything.
 *
 * @param {string} destination folder for the tarballs
 * @returns {Promise<{core: string, platforms: Record<string, string>, commands: Record<string, string>, missing: string[]}>}
 *   paths
 */
export async function pack(destination) {
  await mkdir(destination, { recursive: true });
  const stage = await mkdtemp(join(tmpdir(), "isol8-pack-"));
  try {
    const manifest = await readJson(join(root, "package.json"));
    const { name, version } = manifest;
    const names = (await readdir(join(root, "npm"))).sort();
    const platforms = {};
    for (const platform of names) {
      const tarball = await packPlatform(platform, version, stage, destination);
      if (tarball) platforms[platform] = tarball;
    }

    const core = join(stage, "core");
    for (const path of await rootFiles()) {
      await mkdir(dirname(join(core, path)), { recursive: true });
      await cp(join(root, path), join(core, path));
    }
    // Fields that only a checkout can use stay out.
    const { devDependencies: _, scripts: __, napi: ___, ...published } = manifest;
    published.optionalDependencies = Object.fromEntries(
      names.map((platform) => [`${name}-${platform}`, version]),
    );
    await writeJson(join(core, "package.json"), published);
    const commands = {};
    for (const command of COMMANDS) {
      commands[command] = await packCommand(command, manifest, stage, destination);
    }
    return {
      core: await npmPack(core, destination),
      platforms,
      commands,
      missing: names.filter((platform) => !(platform in platforms)),
    };
  } finally {
    await rm(stage, { recursive: true, force: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [directory] = process.argv.slice(2).filter((word) => !word.startsWith("--"));
  if (!directory) {
    console.error("[ERR] usage: node scripts/pack.mjs DIRECTORY [--all]");
    process.exit(1);
  }
  const { core, platforms, commands, missing } = await pack(resolve(directory));
  if (missing.length > 0 && process.argv.includes("--all")) {
    console.error(`[ERR] no addon for ${missing.join(", ")}`);
    process.exit(1);
  }
  // In the order of publication: dependencies first.
  const all = [...Object.values(platforms), core, ...Object.values(commands)];
  for (const tarball of all) console.log(tarball);
}
