// Projects with the packed package and bundlers, and the lines that the documentation has for these.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { pack } from "../../scripts/pack.mjs";

const execute = promisify(execFile);
const DOCUMENT = fileURLToPath(new URL("../../docs/bundlers.md", import.meta.url));
const NODE = process.versions.bun ? "node" : process.execPath;

/** Minutes after which a command of a project is killed. */
const MINUTES = 4;

/** Returns the documented line of each tool. */
export async function documentedLines() {
  const text = await readFile(DOCUMENT, "utf8");
  const rows = [...text.matchAll(/^\| ([\w.]+) \| [\w ]+ \| `(.+)` \|$/gm)];
  assert.ok(rows.length >= 5, "the table of the documentation");
  return Object.fromEntries(rows.map(([, tool, line]) => [tool, line]));
}

/** Why the package registry cannot be used, or undefined when it can. */
export async function registryProblem() {
  try {
    await execute("npm", ["ping", "--fetch-retries=0", "--fetch-timeout=15000"], {
      timeout: 60_000,
    });
    return undefined;
  } catch (error) {
    return `the npm registry cannot be reached: ${
      String(error.stderr || error.message)
        .trim()
        .split("\n")[0]
    }`;
  }
}

/** A folder with the packed package and some tools in it. */
export class Project {
  constructor(folder) {
    this.folder = folder;
  }

  /** Makes a project. It must be removed. */
  static async make(...tools) {
    const folder = await mkdtemp(join(tmpdir(), "isol8-bundled-"));
    const project = new Project(folder);
    try {
      const { core, platforms } = await pack(join(folder, "tarballs"));
      await project.write({ "package.json": JSON.stringify({ name: "bundled", private: true }) });
      const packages = [core, ...Object.values(platforms), ...tools];
      await project.run("npm", ["install", "--no-audit", "--no-fund", ...packages]);
      return project;
    } catch (error) {
      await project.remove();
      throw error;
    }
  }

  /** Writes files, by their paths. */
  async write(files) {
    for (const [path, text] of Object.entries(files)) {
      await mkdir(join(this.folder, path, ".."), { recursive: true });
      await writeFile(join(this.folder, path), text);
    }
  }

  /** Runs a command in the project. Resolves with its standard output. */
  async run(command, args, env = {}) {
    const options = {
      cwd: this.folder,
      env: { ...process.env, NO_COLOR: "1", ...env },
      maxBuffer: 16 << 20,
      timeout: MINUTES * 60_000,
      killSignal: "SIGKILL",
    };
    const { stdout } = await execute(command, args, options);
    return stdout;
  }

  /** The path of a tool of the project. */
  tool(name) {
    return join(this.folder, "node_modules/.bin", name);
  }

  /** Runs a bundle of the project. */
  async runBundle(path) {
    return await this.run(NODE, [path]);
  }

  /** Runs a bundle where there is no package that it could load. */
  async runAlone(path) {
    const folder = await mkdtemp(join(tmpdir(), "isol8-alone-"));
    try {
      const text = await readFile(join(this.folder, path));
      const name = `bundle${path.slice(path.lastIndexOf("."))}`;
      await writeFile(join(folder, name), text);
      const { stdout } = await execute(NODE, [name], { cwd: folder, timeout: 60_000 });
      return stdout;
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  async remove() {
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** Programs to bundle: one with an engine, one with the client of a server. Each prints what `OUTPUTS` has. */
export const PROGRAMS = {
  "engine.mjs": `import { DockerIsol8 } from "@isol8/core";
async function main() {
  const engine = new DockerIsol8();
  try {
    console.log((await engine.execute({ runtime: "bash", code: "echo bundled" })).stdout);
  } finally {
    await engine.stop();
  }
}
main();
`,
  "remote.mjs": `import { Isol8Error, RemoteIsol8 } from "@isol8/core/remote";
async function main() {
  const remote = new RemoteIsol8({ host: "http://127.0.0.1:9", apiKey: "k" });
  const error = await remote.execute({ runtime: "bash", code: "true" }).catch((error) => error);
  console.log(error instanceof Isol8Error, error.code);
}
main();
`,
};
export const OUTPUTS = { engine: "bundled\n", remote: "true ISOL8_REMOTE\n" };
