import { Database } from "bun:sqlite";
import assert from "node:assert/strict";
import { run } from "./common.mjs";

await run({
  async spawning() {
    const child = Bun.spawn(["cat"], { stdin: new Blob(["in"]), stdout: "pipe" });
    assert.equal(await new Response(child.stdout).text(), "in");
    assert.equal(await child.exited, 0);
    assert.equal(Bun.spawnSync(["sh", "-c", "exit 3"]).exitCode, 3);
    assert.equal((await Bun.$`echo hi`.text()) as string, "hi\n");
  },
  async serving() {
    const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response("x") });
    assert.equal(await (await fetch(server.url)).text(), "x");
    server.stop(true);
    await Bun.write("/sandbox/w", "text");
    await Bun.write("/sandbox/w2", Bun.file("/sandbox/w"));
    assert.equal(await Bun.file("/sandbox/w2").text(), "text");
  },
  async database() {
    const base = new Database("/sandbox/base.db");
    base.run("create table t (x)");
    base.run("insert into t values (1)");
    assert.deepEqual(base.query("select x from t").get(), { x: 1 });
  },
});
