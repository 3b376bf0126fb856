// The documented lines for webpack and Next.js, with the packed package and what the registry has of them today.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { after } from "node:test";
import {
  documentedLines,
  OUTPUTS,
  PROGRAMS,
  Project,
  registryProblem,
} from "../helpers/bundled.mjs";
import { test, until } from "../helpers/harness.mjs";
import { freePort } from "../helpers/served.mjs";

const TOOLS = ["webpack", "webpack-cli", "next", "react", "react-dom"];

/** How often the route of `next dev` is changed. More than ten listeners of one event give a warning. */
const RELOADS = 12;

const lines = await documentedLines();
const skip = (await registryProblem()) ?? false;
const project = skip ? undefined : await Project.make(...TOOLS);
await project?.write(PROGRAMS);
after(() => project?.remove());

for (const [program, line] of [
  ["engine", lines.webpack],
  ["remote", ""],
]) {
  test(`webpack: ${program}`, { skip }, async () => {
    const config = `import { fileURLToPath } from "node:url";
export default {
  entry: "./${program}.mjs",
  target: "node",
  mode: "production",
  output: { path: fileURLToPath(new URL(".", import.meta.url)), filename: "webpack-${program}.cjs" },
  ${line}
};`;
    await project.write({ "webpack.config.mjs": config });
    await project.run(project.tool("webpack"), ["--stats=errors-only"]);
    const bundle = `webpack-${program}.cjs`;
    const run = program === "engine" ? project.runBundle(bundle) : project.runAlone(bundle);
    assert.equal(await run, OUTPUTS[program]);
  });
}

/** The route of an application. It answers with the output of a program and the number of exit listeners. */
const route = (word) => `import { DockerIsol8 } from "@isol8/core";
export const dynamic = "force-dynamic";
const engine = new DockerIsol8({ poolSize: 0, timeoutMs: 60_000 });
export async function GET() {
  const { stdout } = await engine.execute({ runtime: "bash", code: "echo ${word}" });
  return Response.json({ stdout, listeners: process.listenerCount("exit") });
}
`;

const APPLICATION = {
  "next.config.mjs": `export default { ${lines["Next.js"]} };`,
  "app/layout.js":
    "export default function Layout({ children }) { return <html><body>{children}</body></html>; }",
  "app/page.js": "export default function Page() { return <p>page</p>; }",
};

/** Runs `use` with `ask`, which asks the route of the application under `next` with these words. */
async function withNext(words, use) {
  const port = await freePort();
  const child = spawn(project.tool("next"), [...words, "--port", port, "--hostname", "127.0.0.1"], {
    cwd: project.folder,
    env: { ...process.env, NEXT_TELEMETRY_DISABLED: "1" },
    stdio: ["ignore", "pipe", "pipe"],
    // It starts processes of its own, which end with the group.
    detached: true,
  });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (data) => {
      said += data;
    });
  }
  const ask = async () => {
    assert.equal(child.exitCode, null, said);
    const signal = AbortSignal.timeout(60_000);
    const response = await fetch(`http://127.0.0.1:${port}/api/run`, { signal }).catch(() => null);
    return response?.ok ? await response.json() : null;
  };
  try {
    await use(ask, () => said);
  } finally {
    process.kill(-child.pid, "SIGKILL");
  }
}

test("Next.js: a build, and its server", { skip }, async () => {
  await project.write({ ...APPLICATION, "app/api/run/route.js": route("built") });
  await project.run(project.tool("next"), ["build"], { NEXT_TELEMETRY_DISABLED: "1" });
  await withNext(["start"], async (ask, said) => {
    const answer = await until(ask, () => `the server answers: ${said()}`);
    assert.equal(answer.stdout, "built");
  });
});

test("next dev loads a changed route again, and no exit listeners are added", {
  skip,
}, async () => {
  await project.write({ ...APPLICATION, "app/api/run/route.js": route("load-0") });
  await withNext(["dev"], async (ask, said) => {
    const counts = [];
    for (let load = 0; load <= RELOADS; load += 1) {
      const word = `load-${load}`;
      await project.write({ "app/api/run/route.js": route(word) });
      const answer = await until(
        async () => {
          const answer = await ask();
          return answer?.stdout === word && answer;
        },
        () => `${word} answers: ${said()}`,
      );
      counts.push(answer.listeners);
    }
    assert.deepEqual(counts, Array(RELOADS + 1).fill(counts[0]));
    assert.doesNotMatch(said(), /MaxListenersExceeded/);
  });
});
