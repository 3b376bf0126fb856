// Images built through the public package: progress, labels, what is built again, what is refused.

import assert from "node:assert/strict";
import { after } from "node:test";
import { buildBaseImages, buildCustomImage, imageExists, LABELS } from "../index.js";
import { docker } from "./helpers/docker.mjs";
import { outputOf, test, withEngine } from "./helpers/harness.mjs";

const TAG = `isol8-test:custom-${process.pid}`;
const SETUP = 'mkdir -p data\necho "it\'s ready" >data/state';

after(() => docker("rmi", "--force", TAG).catch(() => {}));

/** Builds and gives the progress told meanwhile. */
async function progressOf(build) {
  const told = [];
  await build((progress) => told.push(progress));
  return told;
}

const build = (setup, force) =>
  progressOf((tell) => buildCustomImage(undefined, "bash", [], TAG, tell, force, setup));

const labelsOf = async (image) =>
  JSON.parse(await docker("inspect", "--type", "image", image))[0].Config.Labels;

test("imageExists says whether the daemon has an image", async () => {
  assert.equal(await imageExists(undefined, "isol8:bash"), true);
  assert.equal(await imageExists(null, "isol8-test:nowhere"), false);
});

test("buildCustomImage tells its progress, labels the image, and leaves it alone while it is current", async () => {
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

test("without a callback it builds in silence; an error of the callback is the caller's", async () => {
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

test("a build that fails is an error with the step's words, told as progress, too", async () => {
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

test("an unknown runtime and a bad package name are refused before anything is built", async () => {
  const message = "Unknown runtime: ruby";
  await assert.rejects(buildBaseImages(undefined, undefined, false, ["ruby"]), { message });
  await assert.rejects(buildCustomImage(undefined, "ruby", [], TAG), { message });
  await assert.rejects(buildCustomImage(undefined, "python", ["numpy; true"], TAG), {
    message:
      'Invalid package name: "numpy; true". Only alphanumeric, -, _, ., /, @, and = are allowed.',
  });
});
