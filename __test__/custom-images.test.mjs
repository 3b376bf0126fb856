// Images built through the package: progress, labels, rebuilds and refusals.

import assert from "node:assert/strict";
import { after } from "node:test";
import { buildBaseImages, buildCustomImage, imageExists, LABELS } from "../index.js";
import { docker } from "./helpers/docker.mjs";
import { outputOf, test, withEngine } from "./helpers/harness.mjs";

const TAG = `isol8-test:custom-${process.pid}`;
const SETUP = 'mkdir -p data\necho "it\'s ready" >data/state';

after(() => docker("rmi", "--force", TAG).catch(() => {}));

/** Builds an image and returns the reported progress. */
async function progressOf(build) {
  const told = [];
  await build((progress) => told.push(progress));
  return told;
}

const build = (setup, force) =>
  progressOf((tell) => buildCustomImage(undefined, "bash", [], TAG, tell, force, setup));

const labelsOf = async (image) =>
  JSON.parse(await docker("inspect", "--type", "image", image))[0].Config.Labels;

test("imageExists returns whether the daemon has an image", async () => {
  assert.equal(await imageExists(undefined, "isol8:bash"), true);
  assert.equal(await imageExists(null, "isol8-test:nowhere"), false);
});

test("buildCustomImage reports progress, labels the image, and skips it while it is current", async () => {
  const first = await build(SETUP);
  assert.deepEqual(first[0], { runtime: "bash", status: "building" });
  assert.deepEqual(first.at(-1), { runtime: "bash", status: "done" });
  const steps = first.slice(1, -1);
  assert.ok(steps.length > 0 && steps.every(({ status }) => status === "building"));
  assert.ok(steps.every(({ message }) => typeof message === "string" && message.length > 0));
  const labels = await labelsOf(TAG);
  assert.equal(labels[LABELS.runtime], "bash");
  assert.equal(labels[LABELS.setupScript], SETUP);
  assert.match(labels[LABELS.depsHash], /^[0-9a-f]{64}$/);
  assert.match(labels[LABELS.dockerHash], /^[0-9a-f]{64}$/);

  assert.deepEqual(await build(SETUP), [
    { runtime: "bash", status: "done", message: "Up to date" },
  ]);
  assert.equal((await build(SETUP, true)).at(-1).message, undefined, "force builds");
  assert.equal((await build(`${SETUP}\n# changed`)).at(-1).message, undefined);
});

test("the setup script of an image runs before each program", async () => {
  await withEngine({ image: TAG }, async (engine) => {
    for (let round = 0; round < 2; round += 1) {
      const request = { runtime: "bash", code: "cat data/state; echo >>data/state" };
      assert.equal(await outputOf(engine, request), "it's ready");
    }
  });
});

test("the callback is optional, and an error that it throws reaches the caller", async () => {
  await buildCustomImage(undefined, "bash", [], TAG, null, false, SETUP);
  const failing = buildCustomImage(
    undefined,
    "bash",
    [],
    TAG,
    () => {
      throw new TypeError("mine");
    },
    false,
    SETUP,
  );
  await assert.rejects(failing, { name: "TypeError", message: "mine" });
});

test("a failed build rejects with the output of its step, and reports the error as progress", async () => {
  const told = [];
  const building = buildCustomImage(
    undefined,
    "bash",
    ["isol8-no-such-package-for-tests"],
    TAG,
    (progress) => told.push(progress),
  );
  await assert.rejects(building, (error) => {
    assert.match(error.message, /^Failed to build image for bash: /);
    assert.match(error.message, /isol8-no-such-package-for-tests/);
    assert.deepEqual(told.at(-1), { runtime: "bash", status: "error", message: error.message });
    return true;
  });
});

test("an unknown runtime and an invalid package name are refused before the build", async () => {
  const message = "Unknown runtime: ruby";
  await assert.rejects(buildBaseImages(undefined, undefined, false, ["ruby"]), { message });
  await assert.rejects(buildCustomImage(undefined, "ruby", [], TAG), { message });
  await assert.rejects(buildCustomImage(undefined, "python", ["numpy; true"], TAG), {
    message:
      'Invalid package name: "numpy; true". Only alphanumeric, -, _, ., /, @, and = are allowed.',
  });
});
