// The choice of the backend: option, environment and configuration, what `auto` finds, and what a backend cannot do.

import assert from "node:assert/strict";
import { DockerIsol8, Isol8, loadConfig } from "../index.js";
import { hostProcess } from "./helpers/child.mjs";
import { test } from "./helpers/harness.mjs";

/** An address at which no daemon answers. */
const NOWHERE = "unix:///nowhere/docker.sock";

const HELLO = { runtime: "bash", code: "echo hello" };

/** Whether this machine can have local sandboxes. */
const LOCAL = process.platform === "linux";

/** Runs a program in which `engine` is made by `made`. Returns its output, and the debug line about the backend. */
async function chosen(made, env = {}) {
  const program = `import { Isol8, loadConfig } from ${JSON.stringify(new URL("../index.js", import.meta.url))};
const engine = ${made};
try {
  const { stdout } = await engine.execute(${JSON.stringify(HELLO)});
  console.log(stdout);
} catch ({ code, message }) {
  console.log(code, message);
} finally {
  await engine.stop();
}`;
  const { stdout, stderr } = await hostProcess(program, { ISOL8_BACKEND: "", ...env }).ended;
  const lines = stderr.split("\n");
  const line = lines.find((text) => /^\[DEBUG\] \S+ backend /.test(text));
  return { stdout: stdout.trim(), line, lines };
}

test("auto is Docker where a daemon answers", async () => {
  const { stdout, line } = await chosen("new Isol8({ debug: true })");
  assert.equal(stdout, "hello");
  assert.match(
    line,
    /^\[DEBUG\] \S+ backend backend="docker" why="a Docker daemon answers at unix:/,
  );
});

test("auto is local where no daemon answers", { skip: !LOCAL }, async () => {
  const { stdout, line } = await chosen("new Isol8({ debug: true })", { DOCKER_HOST: NOWHERE });
  assert.equal(stdout, "hello");
  assert.match(line, /^\[DEBUG\] \S+ backend backend="local" why="no Docker daemon answers: /);
  assert.match(line, /\/nowhere\/docker\.sock/);
});

test("debug names the interpreter of local sandboxes and what enforces their limits", {
  skip: !LOCAL,
}, async () => {
  const made = "new Isol8({ debug: true, backend: 'local' })";
  const { stdout, lines } = await chosen(made);
  assert.equal(stdout, "hello");
  const said = (name) => lines.find((text) => text.includes(name));
  assert.match(
    said("interpreter of local"),
    /runtime="bash" program=\/usr\/bin\/bash shown="none"/,
  );
  for (const what of ["Users: ", "Memory: ", "Processes: ", "Processor time: ", "Files: "]) {
    assert.ok(said("limits of local").includes(what), what);
  }
});

test("the option goes over the environment, and that over the configuration", {
  skip: !LOCAL,
}, async () => {
  // Without a daemon only a local sandbox says hello.
  const gone = { DOCKER_HOST: NOWHERE };
  const docker = { ...gone, ISOL8_BACKEND: "docker" };
  const local = { ...gone, ISOL8_BACKEND: "local" };
  for (const [made, env, expected] of [
    ["new Isol8({ backend: 'local' })", docker, /^hello$/],
    ["new Isol8({ backend: 'docker' })", local, /^ISOL8_DOCKER_UNREACHABLE /],
    ["new Isol8()", docker, /^ISOL8_DOCKER_UNREACHABLE /],
    ["new Isol8()", local, /^hello$/],
    ["new Isol8({ ...loadConfig(), backend: 'docker' })", local, /^hello$/],
    ["new Isol8({ ...loadConfig(), backend: 'docker' })", gone, /^ISOL8_DOCKER_UNREACHABLE /],
    ["new DockerIsol8()", local, /^ISOL8_DOCKER_UNREACHABLE /],
    ["new DockerIsol8(loadConfig())", local, /^ISOL8_DOCKER_UNREACHABLE /],
  ]) {
    const { stdout } = await chosen(made, env);
    assert.match(stdout, expected, `${made} with ${JSON.stringify(env)}`);
  }
});

test("a wrong word is an error that names its source", async () => {
  const code = "ISOL8_INVALID_OPTION";
  assert.throws(() => new Isol8({ backend: "podman" }), {
    code,
    message: 'Invalid backend: "podman". Expected one of: auto, docker, local.',
  });
  assert.throws(() => new DockerIsol8({ backend: "local" }), { code, message: /class Isol8/ });
  assert.throws(() => new Isol8({ backend: "local", limits: "some" }), { code, message: /limits/ });
  const { ISOL8_BACKEND: before } = process.env;
  process.env.ISOL8_BACKEND = "podman";
  try {
    assert.throws(() => new Isol8(), {
      code: "ISOL8_INVALID_CONFIG",
      message: 'Invalid ISOL8_BACKEND: "podman". Expected one of: auto, docker, local.',
    });
    // It always uses Docker.
    assert.doesNotThrow(() => new DockerIsol8());
    assert.doesNotThrow(() => new Isol8({ backend: "docker" }));
  } finally {
    if (before === undefined) delete process.env.ISOL8_BACKEND;
    else process.env.ISOL8_BACKEND = before;
  }
  assert.equal(loadConfig("/").backend, "auto");
});

for (const [name, options] of Object.entries({
  image: { image: "debian" },
  persist: { persist: true },
  readonlyRootFs: { readonlyRootFs: false },
  "security.runtime": { security: { runtime: "runsc" } },
})) {
  test(`the local backend refuses the option ${name}`, { skip: !LOCAL }, async () => {
    const code = "ISOL8_UNSUPPORTED";
    const message = new RegExp(`${name.replace(".", "\\.")}.* needs Docker, .* local backend`);
    assert.throws(() => new Isol8({ backend: "local", ...options }), { code, message });
    assert.doesNotThrow(() => new Isol8({ backend: "docker", ...options }));
    // With auto, the first execution finds out.
    const auto = new Isol8({ docker: { socketPath: "/nowhere/docker.sock" }, ...options });
    try {
      await assert.rejects(auto.execute(HELLO), { code, message });
    } finally {
      await auto.stop();
    }
  });
}

test("the local backend refuses an address of a daemon, and packages of Bash", {
  skip: !LOCAL,
}, async () => {
  assert.throws(() => new Isol8({ backend: "local", docker: { socketPath: "/x" } }), {
    code: "ISOL8_INVALID_OPTION",
    message: /^Invalid docker: the local backend has no Docker daemon/,
  });
  const local = new Isol8({ backend: "local" });
  try {
    await assert.rejects(local.execute({ ...HELLO, installPackages: ["jq"] }), {
      code: "ISOL8_UNSUPPORTED",
      message: /^installPackages for Bash needs Docker/,
    });
  } finally {
    await local.stop();
  }
});
