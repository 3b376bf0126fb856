// Programs from URLs: what the host fetches, and what it refuses.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { createServer } from "node:http";
import { outputOf, sharedEngine, test, withEngine } from "./helpers/harness.mjs";

const engine = sharedEngine();

/** Serves a program on loopback. `use` receives its address and the requested paths. */
async function withServer(program, use) {
  const asked = [];
  const server = createServer((request, response) => {
    asked.push(request.url);
    response.end(program);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    return await use(`127.0.0.1:${server.address().port}`, asked);
  } finally {
    server.closeAllConnections?.();
    server.close();
  }
}

test("codeUrl is off by default, and no request is made", async () => {
  await withServer("echo x", async (address, asked) => {
    const request = { runtime: "bash", codeUrl: `http://${address}/`, allowInsecureCodeUrl: true };
    await assert.rejects(engine.execute(request), {
      code: "ISOL8_REMOTE_CODE",
      message: "Remote code fetching is disabled. Set remoteCode.enabled=true to allow it.",
    });
    assert.deepEqual(asked, []);
  });
});

test("codeUrl: no pattern opens an address of this machine, in whatever spelling", async () => {
  await withServer("echo x", async (address, asked) => {
    const [, port] = address.split(":");
    const allowedSchemes = ["https", "http"];
    const blockedHosts = ["^localhost$"];
    await withEngine(
      { remoteCode: { enabled: true, allowedSchemes, blockedHosts } },
      async (remote) => {
        for (const host of [
          "127.0.0.1",
          "localhost",
          "LOCALHOST.",
          "127.1",
          "2130706433",
          "0x7f.1",
          "[::1]",
          "[::ffff:127.0.0.1]",
          "0.0.0.0",
          "169.254.169.254",
        ]) {
          const request = { runtime: "bash", allowInsecureCodeUrl: true };
          await assert.rejects(remote.execute({ ...request, codeUrl: `http://${host}:${port}/` }), {
            code: "ISOL8_REMOTE_CODE",
            message: /^Blocked code URL host: /,
          });
        }
        await assert.rejects(remote.execute({ runtime: "bash", codeUrl: `http://${address}/` }), {
          message: "Insecure code URL blocked. Use allowInsecureCodeUrl=true to allow HTTP.",
        });
        await assert.rejects(remote.execute({ runtime: "bash", codeUrl: "file:///etc/passwd" }), {
          message: "URL scheme not allowed: file",
        });
      },
    );
    assert.deepEqual(asked, []);
  });
});

test("codeUrl: a program that the policy allows is fetched, checked, run and cached", async () => {
  const program = "echo from afar";
  await withServer(program, async (address, asked) => {
    const open = { enabled: true, allowedSchemes: ["http"], allowPrivate: ["127.0.0.1"] };
    const remoteCode = { ...open, requireHash: true };
    await withEngine({ remoteCode }, async (remote) => {
      const request = {
        runtime: "bash",
        codeUrl: `http://${address}/program`,
        allowInsecureCodeUrl: true,
        codeHash: createHash("sha256").update(program).digest("hex"),
      };
      assert.equal(await outputOf(remote, request), "from afar");
      assert.equal(await outputOf(remote, request), "from afar");
      assert.deepEqual(asked, ["/program"]);
      await assert.rejects(remote.execute({ ...request, codeHash: "0".repeat(64) }), {
        message: "Remote code hash mismatch",
      });
      await assert.rejects(remote.execute({ ...request, codeHash: undefined }), {
        message: "Hash verification required: provide codeHash for remote code execution.",
      });
    });
    const small = { ...open, maxCodeSize: 5, enableCache: false };
    await withEngine({ remoteCode: small }, async (remote) => {
      const codeUrl = `http://${address}/large`;
      await assert.rejects(
        remote.execute({ runtime: "bash", codeUrl, allowInsecureCodeUrl: true }),
        {
          message: "Remote code exceeds maxCodeSize (5 bytes)",
        },
      );
    });
  });
});

test("codeUrl: allowInsecureCodeUrl adds no scheme, and a wrong entry of allowPrivate is an error", async () => {
  await withServer("echo x", async (address, asked) => {
    const remoteCode = { enabled: true, allowPrivate: ["127.0.0.1"] };
    await withEngine({ remoteCode }, async (remote) => {
      const request = { runtime: "bash", codeUrl: `http://${address}/` };
      await assert.rejects(remote.execute({ ...request, allowInsecureCodeUrl: true }), {
        message: "URL scheme not allowed: http",
      });
    });
    assert.deepEqual(asked, []);
  });
  await assert.rejects(
    withEngine({ remoteCode: { enabled: true, allowPrivate: ["10.0.0.0/99"] } }, () => {}),
    /Invalid remoteCode\.allowPrivate: "10\.0\.0\.0\/99"/,
  );
});
