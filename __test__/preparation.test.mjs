// What runs before the program: setup scripts, and installations from the public package registries.

import assert from "node:assert/strict";
import { eventsOf, outputOf, sharedEngine, test, withEngine } from "./helpers/harness.mjs";

const engine = sharedEngine();
const BASH = { runtime: "bash", code: "echo x" };

const SETUP = `# Several lines, with quotes and all.
set -e
greeting="it's \\"$NAME\\" with $TOKEN"
for n in 1 2; do
  echo "$n: $greeting" >>/sandbox/greetings
done
echo to-stdout
echo to-stderr >&2`;

test("a setup script of several lines sees the environment and the secrets", async () => {
  await withEngine({ secrets: { TOKEN: "hunter2" } }, async (secretive) => {
    for (const [runtime, code] of [
      ["bash", "cat greetings"],
      ["python", "print(open('greetings').read())"],
    ]) {
      const request = { runtime, code, setupScript: SETUP, env: { NAME: "Ann O'Neil" } };
      const result = await secretive.execute(request);
      assert.deepEqual(
        [result.exitCode, result.stdout],
        [0, `1: it's "Ann O'Neil" with ***\n2: it's "Ann O'Neil" with ***`],
        result.stderr,
      );
    }
  });
});

test("a streamed setup script has phase and exit event, and the program follows", async () => {
  const request = { ...BASH, setupScript: SETUP, env: { NAME: "n", TOKEN: "t" } };
  const events = await eventsOf(engine, request);
  const shown = events.map(({ type, data, phase }) => `${phase} ${type} ${data.trim()}`);
  assert.deepEqual(shown.slice(0, 2).sort(), ["setup stderr to-stderr", "setup stdout to-stdout"]);
  assert.deepEqual(shown.slice(2), ["setup exit 0", "code stdout x", "code exit 0"]);
});

test("the order is: packages, setup script, files, program, outputs", async () => {
  await withEngine({ image: "isol8:python", timeoutMs: 60_000 }, async (ordered) => {
    const result = await ordered.execute({
      runtime: "python",
      installPackages: ["six"],
      setupScript: "python3 -c 'import six' && ls /sandbox/in 2>&1; echo setup >/sandbox/in",
      files: { "/sandbox/in": "file" },
      code: "open('/sandbox/out', 'w').write(open('/sandbox/in').read() + ' program')",
      outputPaths: ["/sandbox/out"],
    });
    assert.deepEqual([result.exitCode, result.stderr], [0, ""]);
    assert.equal(Buffer.from(result.files["/sandbox/out"], "base64").toString(), "file program");
  });
});

test("timeoutMs applies to the setup script and the program separately", async () => {
  const request = { runtime: "bash", setupScript: "sleep 2.5", code: "sleep 2.5; echo in time" };
  assert.equal(await outputOf(engine, { ...request, timeoutMs: 4000 }), "in time");
});

test("a failed setup script is an error with its exit code and output", async () => {
  const request = { ...BASH, setupScript: "echo first\necho why >&2\nexit 9\necho never" };
  await assert.rejects(engine.execute(request), {
    code: "ISOL8_SETUP",
    message: "Setup script failed (exit code 9): why",
  });
});

const PACKAGES = {
  python: ["six", "import six; print(six.moves.range(3)[-1])", "2"],
  node: ["lodash", "import _ from 'lodash'; console.log(_.last([1, 2]))", "2"],
  bun: ["is-number", "import isNumber from 'is-number'; console.log(isNumber('2'))", "true"],
  deno: ["npm:is-odd", "import isOdd from 'npm:is-odd'; console.log(isOdd(3))", "true"],
  bash: ["jq", "echo '{\"a\": [1, 2]}' | jq -c .a", "[1,2]"],
};

for (const [runtime, [name, code, expected]] of Object.entries(PACKAGES)) {
  test(`${runtime}: an installed package works, and the program has no network`, async () => {
    // Names the base image, so that no custom image with the package is chosen.
    const options = { image: `isol8:${runtime}`, timeoutMs: 60_000 };
    await withEngine(options, async (installing) => {
      const request = { runtime, code, installPackages: [name] };
      assert.equal(await outputOf(installing, request), expected);
      const without = await installing.execute({ runtime, code });
      assert.notEqual(without.exitCode, 0, "the next sandbox does not have it");
    });
  });
}

test("a package that does not exist is an error with the output of the installer", async () => {
  const installPackages = ["isol8-no-such-package-for-tests"];
  await withEngine({ image: "isol8:python" }, async (installing) => {
    await assert.rejects(installing.execute({ runtime: "python", code: "1", installPackages }), {
      code: "ISOL8_INSTALL",
      message: /^Package install failed \(exit code \d+\): .*isol8-no-such-package-for-tests/s,
    });
  });
});
