// The semaphore: order, limits of those who wait, state.

import assert from "node:assert/strict";
import { DockerIsol8, Isol8Error, QueueFullError, QueueTimeoutError, Semaphore } from "../index.js";
import { test } from "./helpers/harness.mjs";

const CODE = "ISOL8_TOO_MANY_REQUESTS";

test("without options everybody waits, and is served in order", async () => {
  const semaphore = new Semaphore(1);
  await semaphore.acquire();
  const order = [];
  const waiting = Array.from({ length: 1000 }, (_, n) =>
    semaphore.acquire().then(() => {
      order.push(n);
      semaphore.release();
    }),
  );
  assert.deepEqual(semaphore.stats, {
    available: 0,
    pending: 1000,
    maxConcurrent: 1,
    maxSize: 0,
    timeoutMs: 0,
  });
  semaphore.release();
  await Promise.all(waiting);
  assert.deepEqual(
    order,
    Array.from({ length: 1000 }, (_, n) => n),
  );
  assert.deepEqual([semaphore.available, semaphore.pending], [1, 0]);
});

test("more than maxSize do not wait", async () => {
  const semaphore = new Semaphore(1, { maxSize: 2 });
  await semaphore.acquire();
  const waiting = [semaphore.acquire(), semaphore.acquire()];
  await assert.rejects(semaphore.acquire(), (error) => {
    assert.ok(error instanceof QueueFullError && error instanceof Isol8Error);
    assert.deepEqual(
      [error.name, error.code, error.message],
      ["QueueFullError", CODE, "Too many requests — queue is full"],
    );
    return true;
  });
  assert.deepEqual([semaphore.stats.pending, semaphore.stats.maxSize], [2, 2]);
  semaphore.release();
  await waiting[0];
  // There is room for one more.
  waiting.push(semaphore.acquire());
  semaphore.release();
  semaphore.release();
  await Promise.all(waiting);
});

test("nobody waits longer than timeoutMs, and who has given up gets no permit", async () => {
  const semaphore = new Semaphore(1, { timeoutMs: 30 });
  await semaphore.acquire();
  const late = semaphore.acquire();
  await assert.rejects(late, (error) => {
    assert.ok(error instanceof QueueTimeoutError && error instanceof Isol8Error);
    assert.deepEqual(
      [error.name, error.code, error.message],
      ["QueueTimeoutError", CODE, "Request timed out waiting in queue after 30ms"],
    );
    return true;
  });
  assert.deepEqual([semaphore.pending, semaphore.available], [0, 0]);
  semaphore.release();
  assert.equal(semaphore.available, 1);
});

test("who is served in time has the permit, and its timer keeps nothing alive", async () => {
  const semaphore = new Semaphore(1, { maxSize: 1, timeoutMs: 2 ** 31 - 1 });
  await semaphore.acquire();
  const next = semaphore.acquire();
  semaphore.release();
  await next;
  assert.deepEqual([semaphore.available, semaphore.pending], [0, 0]);
});

test("options that no semaphore can have are errors that name them", () => {
  const code = "ISOL8_INVALID_OPTION";
  for (const [max, options, message] of [
    [0, undefined, "Semaphore max must be >= 1"],
    [1, { maxSize: -1 }, "Invalid maxSize: -1. It must be a number of at least 0."],
    [1, { maxSize: "x" }, "Invalid maxSize: x. It must be a number of at least 0."],
    [1, { timeoutMs: -1 }, /^Invalid timeoutMs: -1\./],
    [1, { timeoutMs: Number.NaN }, /^Invalid timeoutMs: NaN\./],
    [1, { timeoutMs: 2 ** 31 }, /^Invalid timeoutMs: 2147483648\. It must be .* to 2147483647\.$/],
    [1, 7, /^Invalid options: 7\./],
  ]) {
    assert.throws(() => new Semaphore(max, options), { code, message });
  }
});

test("the class of an engine's errors has its own name still", () => {
  assert.throws(() => new DockerIsol8({ memoryLimit: "x" }), { name: "Isol8Error" });
});
