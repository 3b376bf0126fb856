import assert from "node:assert/strict";
import cluster from "node:cluster";
import { fork } from "node:child_process";
import { once } from "node:events";
import { DatabaseSync } from "node:sqlite";
import { run } from "./common.mjs";

if (cluster.isWorker || process.argv[2] === "child") {
  process.send("up");
  process.disconnect();
} else {
  await run({
    async clusters() {
      assert.equal((await once(cluster.fork(), "message"))[0], "up");
      const child = fork(process.argv[1], ["child"]);
      assert.equal((await once(child, "message"))[0], "up");
    },
    async database() {
      const base = new DatabaseSync("/sandbox/base.db");
      base.exec("pragma journal_mode=wal; create table t (x); insert into t values (1)");
      assert.equal(base.prepare("select x from t").get().x, 1);
    },
  });
}
