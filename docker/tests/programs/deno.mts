import assert from "node:assert/strict";
import { run } from "./common.mjs";

await run({
  async spawning() {
    const output = await new Deno.Command("sh", { args: ["-c", "echo hi; exit 3"] }).output();
    assert.equal(output.code, 3);
    assert.equal(new TextDecoder().decode(output.stdout), "hi\n");
  },
  async serving() {
    const server = Deno.serve(
      { port: 0, hostname: "127.0.0.1", onListen() {} },
      () => new Response("x"),
    );
    assert.equal(await (await fetch(`http://127.0.0.1:${server.addr.port}/`)).text(), "x");
    await server.shutdown();
  },
  async webWorkers() {
    const source = "self.onmessage = (e) => self.postMessage(e.data + 1)";
    const worker = new Worker(`data:text/javascript,${encodeURIComponent(source)}`, {
      type: "module",
    });
    const answer = new Promise((resolve) => {
      worker.onmessage = (event) => resolve(event.data);
    });
    worker.postMessage(1);
    assert.equal(await answer, 2);
    worker.terminate();
  },
  async watching() {
    const watcher = Deno.watchFs("/sandbox");
    setTimeout(() => Deno.writeTextFileSync("/sandbox/w", "x"), 50);
    for await (const _ of watcher) break;
    watcher.close();
    assert.ok(Deno.networkInterfaces().length > 0);
  },
});
