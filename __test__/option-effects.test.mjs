// Options as docker inspect shows them: defaults, sizes, and containers that stay.

import assert from "node:assert/strict";
import { docker, inspect } from "./helpers/docker.mjs";
import { test, until, withEngine } from "./helpers/harness.mjs";

const BASH = { runtime: "bash", code: "echo x" };

test("the container has the documented defaults", async () => {
  await withEngine({ persist: true, poolSize: 0 }, async (plain) => {
    const { containerId } = await plain.execute(BASH);
    try {
      const { HostConfig: host, Config: config } = await inspect(containerId);
      assert.equal(host.Memory, 512 * 2 ** 20);
      assert.equal(host.MemorySwap, host.Memory, "no swap");
      assert.equal(host.NanoCpus || (host.CpuQuota / host.CpuPeriod) * 1e9, 1e9);
      assert.ok(host.PidsLimit >= 64 && host.PidsLimit < 80, String(host.PidsLimit));
      assert.equal(host.NetworkMode, "none");
      assert.equal(host.ReadonlyRootfs, true);
      assert.match(host.Tmpfs["/sandbox"], /size=(512m|536870912)/);
      assert.match(host.Tmpfs["/tmp"], /size=(256m|268435456)/);
      assert.equal(
        config.Image.startsWith("isol8:bash") || config.Image.startsWith("sha256:"),
        true,
      );
      assert.equal(config.Labels["isol8.managed"], "true");
      assert.equal(config.Labels["isol8.runtime"], "bash");
    } finally {
      await docker("rm", "-f", containerId);
    }
  });
});

test("the container has the given sizes", async () => {
  const sizes = { memoryLimit: "1.5g", sandboxSize: "64M", tmpSize: "1024k", pidsLimit: 100 };
  const options = { ...sizes, cpuLimit: 0.5, persist: true, poolSize: 0 };
  await withEngine(options, async (sized) => {
    const { containerId } = await sized.execute(BASH);
    try {
      const { HostConfig: host } = await inspect(containerId);
      assert.equal(host.Memory, 1.5 * 2 ** 30);
      assert.equal(host.NanoCpus || (host.CpuQuota / host.CpuPeriod) * 1e9, 0.5e9);
      assert.ok(host.PidsLimit >= 100 && host.PidsLimit < 116);
      assert.match(host.Tmpfs["/sandbox"], new RegExp(`size=(64m|${64 << 20})`));
      assert.match(host.Tmpfs["/tmp"], new RegExp(`size=(1024k|1m|${1 << 20})`));
    } finally {
      await docker("rm", "-f", containerId);
    }
  });
});

// --- persist -------------------------------------------------------------------------------------

for (const mode of ["ephemeral", "persistent"]) {
  test(`persist keeps the container of an engine in ${mode} mode`, async () => {
    let containerId;
    try {
      await withEngine({ mode, persist: true, poolSize: 0 }, async (kept) => {
        ({ containerId } = await kept.execute({ runtime: "bash", code: "echo x >/sandbox/left" }));
      });
      assert.ok(await inspect(containerId), "the container is kept");
      assert.equal((await inspect(containerId)).HostConfig.AutoRemove, false);
    } finally {
      if (containerId) await docker("rm", "-f", containerId);
    }
    assert.equal(await inspect(containerId), null);
  });
}

test("without persist no container stays", async () => {
  let containerId;
  await withEngine({}, async (plain) => {
    ({ containerId } = await plain.execute(BASH));
  });
  await until(async () => (await inspect(containerId)) === null, "the container is gone");
});

// --- names ---------------------------------------------------------------------------------------

test("containers have names that say what they are", async () => {
  await withEngine({ mode: "persistent" }, async (session) => {
    await session.execute(BASH);
    const { Name: name } = await inspect(session.containerId);
    assert.match(name, /^\/isol8-bash-[0-9a-f]{12}$/);
  });
});
