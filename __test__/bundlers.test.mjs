// The documented lines for bundlers, with the packed package and what the registry has of them today. Next.js and webpack
// take longer and are in `long/frameworks.test.mjs`.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after } from "node:test";
import {
  documentedLines,
  OUTPUTS,
  PROGRAMS,
  Project,
  registryProblem,
} from "./helpers/bundled.mjs";
import { test } from "./helpers/harness.mjs";

const lines = await documentedLines();
// Tools that are made for Node.js do not depend on what runs this file.
const skip = process.versions.bun
  ? "these tools run in Node.js"
  : ((await registryProblem()) ?? false);
const project = skip ? undefined : await Project.make("esbuild", "rollup", "vite");
await project?.write(PROGRAMS);
after(() => project?.remove());

const esbuild = async (entry, output, ...more) => {
  const fixed = ["--bundle", "--platform=node", "--log-level=error", `--outfile=${output}`];
  await project.run(project.tool("esbuild"), [entry, ...fixed, ...more]);
};

for (const [format, extension] of [
  ["esm", "mjs"],
  ["cjs", "cjs"],
]) {
  test(`esbuild, ${format}`, { skip }, async () => {
    const output = `esbuild.${extension}`;
    await esbuild("engine.mjs", output, `--format=${format}`, lines.esbuild);
    assert.equal(await project.runBundle(output), OUTPUTS.engine);
  });
}

test("Rollup", { skip }, async () => {
  const config = `export default { input: "engine.mjs", output: { file: "rollup.mjs" }, ${lines.Rollup} };`;
  await project.write({ "rollup.config.mjs": config });
  await project.run(project.tool("rollup"), ["--config", "rollup.config.mjs", "--silent"]);
  assert.equal(await project.runBundle("rollup.mjs"), OUTPUTS.engine);
});

test("Vite", { skip }, async () => {
  const config = `export default { build: { ssr: "engine.mjs", outDir: "vite" }, ${lines.Vite} };`;
  await project.write({ "vite.config.mjs": config });
  await project.run(project.tool("vite"), ["build", "--logLevel", "error"]);
  assert.equal(await project.runBundle("vite/engine.mjs"), OUTPUTS.engine);
});

test("@isol8/core/remote is free of native code, and a bundle of it runs alone", {
  skip,
}, async () => {
  await esbuild("remote.mjs", "remote.cjs", "--format=cjs", "--metafile=remote.json");
  const { inputs } = JSON.parse(await readFile(join(project.folder, "remote.json"), "utf8"));
  const ours = Object.keys(inputs).filter((path) => path.includes("@isol8/"));
  assert.ok(ours.length > 5, String(ours));
  assert.deepEqual(
    ours.filter((path) => /native|\.node$|core-/.test(path)),
    [],
  );
  assert.equal(await project.runAlone("remote.cjs"), OUTPUTS.remote);
});
