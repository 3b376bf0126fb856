// The build of a base image that the first call needs: its progress goes to `onProgress` and to the debug log.

import assert from "node:assert/strict";
import { DockerIsol8 } from "../index.js";
import { hostProcess } from "./helpers/child.mjs";
import { withFakeDocker } from "./helpers/fake-docker.mjs";
import { test, until } from "./helpers/harness.mjs";

const STEP = "Step 1/2 : FROM debian";
const BASH = { runtime: "bash", code: "true" };

/** A daemon whose builds say that they end well, and that has no image all the same. */
function answer(method, path) {
  if (method === "GET" && path === "/images/json") return [200, []];
  if (method === "GET" && path.startsWith("/images/")) return [404, { message: "No such image" }];
  if (method === "POST" && path === "/build") return [200, { stream: `${STEP}\n` }];
  throw new Error(`unexpected: ${method} ${path}`);
}

test("onProgress receives the progress of the first build, and an error of its own ends nothing", async () => {
  await withFakeDocker(answer, async (docker) => {
    const seen = [];
    const onProgress = (progress) => {
      seen.push(progress);
      throw new Error("the callback's own");
    };
    const engine = new DockerIsol8({ docker, onProgress });
    try {
      await assert.rejects(engine.execute(BASH), { code: "ISOL8_IMAGE_MISSING" });
      await until(() => seen.some(({ status }) => status === "done"), "the build is reported");
    } finally {
      await engine.stop();
    }
    assert.deepEqual(seen, [
      { runtime: "bash", status: "building" },
      { runtime: "bash", status: "building", message: STEP },
      { runtime: "bash", status: "done" },
    ]);
  });
  for (const onProgress of ["x", 1]) {
    assert.throws(() => new DockerIsol8({ onProgress }), {
      code: "ISOL8_INVALID_OPTION",
      message: `Invalid onProgress: ${onProgress}. It must be a function.`,
    });
  }
});

test("the debug log has the steps of the first build", async () => {
  await withFakeDocker(answer, async (docker) => {
    const { stderr } = await hostProcess(`
const engine = new DockerIsol8({ docker: ${JSON.stringify(docker)}, debug: true });
await engine.execute(${JSON.stringify(BASH)}).catch(() => {});
await engine.stop();`).ended;
    assert.match(stderr, /\[DEBUG\] \S+ building the missing image image="isol8:bash"/);
    assert.match(stderr, /building the image step="Step 1\/2 : FROM debian"/);
  });
});
