// A Docker daemon that is reached by ssh: the program `ssh` and `docker system dial-stdio` on the other side.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { hostProcess } from "./helpers/child.mjs";
import { withFolder } from "./helpers/folder.mjs";
import { test } from "./helpers/harness.mjs";
import { HOST, reasonToSkip, withSshd } from "./helpers/sshd.mjs";

const skip = reasonToSkip();

/** A program of a host that runs `code` in a sandbox of the daemon `docker`. */
const running = (docker, code = "echo from afar; cat") => `
const engine = new DockerIsol8({ docker: ${JSON.stringify(docker)} });
try {
  const { stdout } = await engine.execute({ runtime: "bash", code: ${JSON.stringify(code)}, stdin: "and back" });
  console.log(stdout);
} catch (error) {
  console.log(error.code, error.message);
}
await engine.stop();`;

/** A folder of Docker's client with a context. */
function contexts(folder, name, host) {
  const digest = createHash("sha256").update(name).digest("hex");
  const meta = join(folder, "contexts", "meta", digest);
  mkdirSync(meta, { recursive: true });
  const endpoints = { docker: { Host: host, SkipTLSVerify: false } };
  writeFileSync(join(meta, "meta.json"), JSON.stringify({ Name: name, Endpoints: endpoints }));
  return folder;
}

test("programs run on a daemon behind ssh, whoever names it", { skip }, async () => {
  await withFolder(async (folder) => {
    await withSshd(folder, async ({ env, port, logins, log }) => {
      const config = contexts(join(folder, "docker"), "far", `ssh://${HOST}`);
      const cases = [
        [undefined, { DOCKER_HOST: `ssh://${HOST}` }],
        [undefined, { DOCKER_CONTEXT: "far", DOCKER_CONFIG: config }],
        [{ protocol: "ssh", host: HOST, port }, {}],
        [{ host: `ssh://${HOST}` }, {}],
      ];
      for (const [docker, variables] of cases) {
        const before = logins();
        const { stdout, stderr } = await hostProcess(running(docker), { ...env, ...variables })
          .ended;
        assert.equal(stdout, "from afar\nand back\n", `${stderr}\n${log()}`);
        assert.ok(logins() > before, "the daemon was reached in another way");
      }
    });
  });
});

test("what ssh says is in the error, and nothing runs elsewhere", { skip }, async () => {
  await withFolder(async (folder) => {
    await withSshd(folder, async ({ env }) => {
      for (const [host, reason] of [
        ["isol8-unknown.invalid", /ssh has ended: .*isol8-unknown\.invalid/],
        [`${HOST}/nonexistent.sock`, /ssh has ended: .*nonexistent\.sock/],
      ]) {
        const program = running({ host: `ssh://${host}` });
        const { stdout, stderr } = await hostProcess(program, env).ended;
        assert.match(stdout, /^ISOL8_DOCKER_UNREACHABLE /, stderr);
        assert.match(stdout, reason);
      }
    });
  });
});

test("variables of the environment that name no daemon are errors", async () => {
  await withFolder(async (folder) => {
    const config = contexts(folder, "far", "ftp://build");
    for (const [variables, message] of [
      [{ DOCKER_HOST: "ftp://build" }, /Invalid DOCKER_HOST: "ftp:\/\/build"/],
      [{ DOCKER_HOST: "ssh://me:secret@build" }, /Invalid DOCKER_HOST: .*password/],
      [{ DOCKER_CONTEXT: "fra" }, /There is no Docker context "fra" \(DOCKER_CONTEXT\)/],
      [{ DOCKER_CONTEXT: "far" }, /Invalid Docker context "far": "ftp:\/\/build"/],
    ]) {
      const env = { DOCKER_HOST: undefined, DOCKER_CONFIG: config, ...variables };
      const { stdout, stderr } = await hostProcess(running(undefined), env).ended;
      assert.match(stdout, /^ISOL8_INVALID_CONFIG /, stderr);
      assert.match(stdout, message);
      assert.ok(!stdout.includes("secret"), stdout);
    }
  });
});
