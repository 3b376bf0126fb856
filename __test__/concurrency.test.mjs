// Many executions at once: the limit holds, the order is kept, and none is lost.

import assert from "node:assert/strict";
import { containersWithMemory } from "./helpers/docker.mjs";
import { outputOf, test, uniqueMemory, until, withEngine } from "./helpers/harness.mjs";

/** Prints the times of its start and its end. All containers of a host share this clock. */
const CLOCKED = 'echo "$(date +%s%N) $1"; sleep 0.5; date +%s%N';

/** Returns how many of these spans overlap at most. */
function busiest(spans) {
  const edges = spans.flatMap(([start, end]) => [
    [start, 1],
    [end, -1],
  ]);
  edges.sort(([a, up], [b, down]) => (a === b ? up - down : a < b ? -1 : 1));
  let now = 0;
  let most = 0;
  for (const [, change] of edges) {
    now += change;
    most = Math.max(most, now);
  }
  return most;
}

for (const poolStrategy of ["fast", "secure"]) {
  test(`${poolStrategy}: twenty calls with a limit of 4 run 4 at a time, in order, and none is lost`, async () => {
    await withEngine(
      { poolStrategy, poolSize: { clean: 4, dirty: 4 } },
      async (engine) => {
        // The programs' clocks show the order, so the first four programs have to start at once.
        await engine.start({ prewarm: { runtimes: ["bash"] } });
        const calls = Array.from({ length: 20 }, (_, index) =>
          outputOf(engine, {
            runtime: "bash",
            code: CLOCKED.replace("$1", String(index)),
          }),
        );
        const outputs = await Promise.all(calls);
        const spans = outputs.map((output, index) => {
          const [first, end] = output.split("\n");
          const [start, number] = first.split(" ");
          assert.equal(Number(number), index);
          return [BigInt(start), BigInt(end)];
        });
        assert.equal(busiest(spans), 4);
        // Programs of one batch start at nearly the same time. Across batches the order is that of the calls.
        for (const [index, [start]] of spans.entries()) {
          const earlier = spans.slice(0, Math.max(0, index - 3));
          assert.ok(
            earlier.every(([other]) => other < start),
            `call ${index} overtook an earlier one`,
          );
        }
      },
      4,
    );
  });
}

test("with a limit of 1, calls and streams run one after the other", async () => {
  await withEngine(
    {},
    async (engine) => {
      const order = [];
      const stream = async (index) => {
        const request = { runtime: "bash", code: `sleep 0.05; echo ${index}` };
        for await (const { type, data } of engine.executeStream(request)) {
          if (type === "stdout") order.push(data.trim());
        }
      };
      const call = async (index) => {
        order.push(await outputOf(engine, { runtime: "bash", code: `echo ${index}` }));
      };
      await Promise.all(
        Array.from({ length: 12 }, (_, index) => (index % 2 ? call(index) : stream(index))),
      );
      assert.deepEqual(
        order,
        Array.from({ length: 12 }, (_, index) => String(index)),
      );
    },
    1,
  );
});

test("a failed, a cancelled and an abandoned execution free their permit", async () => {
  await withEngine(
    { timeoutMs: 2000 },
    async (engine) => {
      await engine.execute({ runtime: "bash", code: "exit 1" });
      await engine.execute({ runtime: "bash", code: "sleep 60", timeoutMs: 300 });
      await assert.rejects(engine.execute({ runtime: "nope", code: "x" }));
      await assert.rejects(
        engine.execute({ runtime: "bash", code: "sleep 60" }, { signal: AbortSignal.timeout(300) }),
      );
      for await (const _ of engine.executeStream({ runtime: "bash", code: "echo; sleep 60" }))
        break;
      assert.equal(await outputOf(engine, { runtime: "bash", code: "echo free" }), "free");
    },
    1,
  );
});

test("simultaneous calls use different sandboxes", async () => {
  await withEngine({}, async (engine) => {
    const code =
      '[ -z "$(ls -A /tmp)" ] && touch /tmp/mine && sleep 3 && ls /tmp && cat /etc/hostname';
    const outputs = await Promise.all(
      Array.from({ length: 6 }, () => outputOf(engine, { runtime: "bash", code })),
    );
    assert.equal(new Set(outputs).size, 6);
  });
});

test("sandboxes made for a burst are removed after it", async () => {
  const memory = uniqueMemory();
  await withEngine(
    { memoryLimit: String(memory), poolSize: { clean: 1, dirty: 1 } },
    async (engine) => {
      const request = { runtime: "bash", code: "sleep 0.3" };
      await Promise.all(Array.from({ length: 6 }, () => engine.execute(request)));
      assert.ok((await containersWithMemory(memory)).length > 2);
      await until(
        async () => (await containersWithMemory(memory)).length <= 2,
        "the surplus is given back",
      );
    },
  );
});

test("the options of one engine do not affect another engine", async () => {
  const run = (value) =>
    withEngine({ secrets: { ONE: value } }, (engine) =>
      outputOf(engine, { runtime: "bash", code: 'printf %s "$ONE" | rev; sleep 0.2' }),
    );
  assert.deepEqual(await Promise.all([run("abc"), run("xyz")]), ["cba", "zyx"]);
});
