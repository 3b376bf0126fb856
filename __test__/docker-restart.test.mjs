// A Docker daemon that is killed and started again while engines live.

import assert from "node:assert/strict";
import { DockerIsol8 } from "../index.js";
import { outputOf, test, until } from "./helpers/harness.mjs";
import { noOwnDocker, onlyBash, withOwnDocker } from "./helpers/own-docker.mjs";

test("what is warm goes on while the daemon is dead, and calls work after its restart", {
  skip: noOwnDocker,
}, async () => {
  await withOwnDocker(async (own) => {
    const image = await onlyBash();
    await own.copyImage(image);
    const docker = { socketPath: own.socketPath };
    const engine = new DockerIsol8({ docker, image });
    const session = new DockerIsol8({ docker, image, mode: "persistent" });
    const bash = (code) => ({ runtime: "bash", code });
    try {
      await engine.start({ prewarm: { runtimes: ["bash"] }, strict: true });
      assert.equal(await outputOf(session, bash("x=5; echo $x")), "5");

      await own.kill();
      assert.equal(await outputOf(engine, bash("echo warm")), "warm");
      assert.equal(await outputOf(session, bash("echo $((x + 1))")), "6");
      await session.putFile("a", "file");
      assert.equal(String(await session.getFile("a")), "file");
      await assert.rejects(engine.ping(), {
        code: "ISOL8_DOCKER_UNREACHABLE",
        message: /^Cannot reach Docker at unix:.+ Is Docker installed and running\? Start it/,
      });

      await own.start();
      await engine.ping();
      // A daemon that starts ends what a killed one has left.
      await until(async () => {
        const running = await own.docker("ps", "--quiet", "--no-trunc");
        return !running.includes(session.containerId);
      }, "the sandboxes of the killed daemon are gone");
      assert.equal(await outputOf(engine, bash("echo again")), "again");
      const next = await session.execute(bash("echo ${x:-none}")).catch((error) => error);
      if (next instanceof Error) assert.equal(next.code, "ISOL8_SANDBOX_LOST");
      assert.equal(await outputOf(session, bash("echo session")), "session");
    } finally {
      await Promise.all([engine.stop(), session.stop()]);
    }
  });
});
