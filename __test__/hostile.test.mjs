// Programs that misbehave: each ends as documented, and the next program finds a clean sandbox.

import assert from "node:assert/strict";
import { commandsOf, needs } from "./helpers/backend.mjs";
import { eventsOf, sharedEngine, test, textOf, until } from "./helpers/harness.mjs";
import { assertClean } from "./helpers/probe.mjs";

const engine = sharedEngine({ memoryLimit: "192m" });

const NOTICE = "\n--- EXECUTION TIMED OUT ---";

/** Runs `request`, which must end at its time limit, and returns the result. */
async function timesOut(request) {
  const started = Date.now();
  const result = await engine.execute({ timeoutMs: 1500, ...request });
  const took = Date.now() - started;
  assert.equal(result.exitCode, 137);
  assert.ok(result.stderr.endsWith(NOTICE), result.stderr);
  assert.ok(took >= 1500, `ended after ${took} ms`);
  assert.ok(result.durationMs >= 1500, `durationMs ${result.durationMs}`);
  return result;
}

/** Asserts that the sandbox is clean or gone, by probing the sandboxes that are handed out next. */
async function assertNextAreClean() {
  for (let round = 0; round < 3; round += 1) await assertClean(engine);
}

/** Asserts, from outside, that no process of the container has `marker` in its command line. */
async function assertGone(containerId, marker) {
  const gone = async () => {
    const commands = await commandsOf(containerId);
    return !commands.includes(marker);
  };
  await until(gone, `no ${marker} in ${containerId}`);
}

test("a program that runs too long is killed, and its output is kept", async () => {
  const code = "import time, sys; print('out'); print('err', file=sys.stderr); time.sleep(600)";
  const result = await timesOut({ runtime: "python", code });
  assert.equal(result.stdout, "out");
  assert.equal(result.stderr, `err${NOTICE}`);
  await assertNextAreClean();
});

for (const [runtime, code] of [
  ["node", "setInterval(() => {}, 1000); for (;;);"],
  ["bun", "for (;;);"],
  ["deno", "setInterval(() => {}, 1000)"],
  ["bash", "while :; do :; done"],
]) {
  test(`${runtime}: a program that never ends is killed`, needs(runtime), async () => {
    await timesOut({ runtime, code });
  });
}

test("a timeout kills the whole process tree, including daemons", async () => {
  const code = `
setsid bash -c 'exec -a isol8-daemon sleep 600' &
(setsid bash -c 'setsid bash -c "exec -a isol8-orphan sleep 600" & disown') &
nohup bash -c 'exec -a isol8-nohup sleep 600' >/dev/null 2>&1 &
sleep 0.5; touch /tmp/left /sandbox/left; sleep 600`;
  const { containerId } = await timesOut({ runtime: "bash", code });
  await assertGone(containerId, "isol8-");
  await assertNextAreClean();
});

test("a program that ignores all signals is killed at its limit", async () => {
  const code = `
import signal, time
for number in range(1, 65):
    try: signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError): pass
while True: time.sleep(600)`;
  await timesOut({ runtime: "python", code });
  await assertNextAreClean();
});

test("a program that closes its outputs and sleeps is killed at its limit", async () => {
  const code =
    "import os, time\nfor fd in range(0, 64):\n  try: os.close(fd)\n  except OSError: pass\ntime.sleep(600)";
  await timesOut({ runtime: "python", code });
  await assertNextAreClean();
});

test("a program that closes its outputs and exits is not waited for", async () => {
  const result = await engine.execute({
    runtime: "bash",
    code: "exec >&- 2>&-; sleep 0.2; exit 6",
  });
  assert.equal(result.exitCode, 6);
});

for (const [kind, outputs] of [
  ["that keeps its outputs", ""],
  ["with outputs of its own", ">/dev/null 2>&1 </dev/null"],
]) {
  test(`a daemon ${kind} is not waited for and does not survive`, async () => {
    const code = `setsid bash -c 'exec -a isol8-left sleep 600' ${outputs} & echo started`;
    const result = await engine.execute({ runtime: "bash", code });
    assert.equal(result.stdout, "started");
    assert.equal(result.exitCode, 0);
    await assertGone(result.containerId, "isol8-left");
    await assertNextAreClean();
  });
}

test("a daemon that ignores signals and forks on does not survive", async () => {
  const code = `
import os, signal, time
if os.fork(): os._exit(0)
os.setsid()
signal.signal(signal.SIGTERM, signal.SIG_IGN)
while True:
    if os.fork(): os._exit(0)
    time.sleep(0.001)`;
  const { exitCode } = await engine.execute({ runtime: "python", code });
  assert.equal(exitCode, 0);
  await assertNextAreClean();
});

test("a fork bomb reaches the process limit and is killed at its time limit", async () => {
  await timesOut({
    runtime: "bash",
    code: "bomb() { bomb | bomb & }; bomb 2>/dev/null; sleep 600",
  });
  await assertNextAreClean();
});

test("a fork bomb of waiting children reaches only the process limit", async () => {
  const code = `
import os, time
made = 0
try:
    while True:
        if os.fork() == 0:
            while True: time.sleep(600)
        made += 1
except OSError as error:
    print(made, error.errno, flush=True)`;
  const result = await engine.execute({ runtime: "python", code });
  const [made, errno] = result.stdout.split(" ").map(Number);
  // The guest has a few processes beyond the 64, and does not need them all the time.
  assert.ok(made >= 50 && made <= 72, `${made} processes`);
  assert.equal(errno, 11);
  await assertNextAreClean();
});

test("a program that uses too much memory is killed", async () => {
  const code = "hog = []\nwhile True: hog.append(bytearray(8 << 20))";
  const result = await engine.execute({ runtime: "python", code });
  assert.equal(result.exitCode, 137, result.stderr);
  assert.ok(!result.stderr.includes("TIMED OUT"));
  await assertNextAreClean();
});

test("a program with too many record locks is killed", async () => {
  const code = `
import fcntl, sqlite3, sys, time
base = sqlite3.connect("/sandbox/base.db")
base.execute("create table t (n)")
base.execute("insert into t values (7)")
base.commit()
print(base.execute("select n from t").fetchone()[0], flush=True)
files = [open(f"/tmp/{i}", "w") for i in range(64)]
for i in range(300_000 if sys.stdin.read() == "many" else 1000):
    fcntl.lockf(files[i % 64], fcntl.LOCK_EX, 1, i * 2)
print("locked", flush=True)
time.sleep(0.5)`;
  const runtime = "python";
  const many = await engine.execute({ runtime, code, stdin: "many", timeoutMs: 60_000 });
  assert.equal(many.exitCode, 137, JSON.stringify(many));
  assert.equal(many.termination, "oom");
  const few = await engine.execute({ runtime, code, stdin: "few" });
  assert.equal(few.stdout, "7\nlocked");
});

test("memory that is held as files counts, and a reset frees it", async () => {
  const code = `
for place in /dev/shm /tmp /sandbox; do
  dd if=/dev/zero of=$place/full bs=1M count=400 status=none 2>/dev/null || true
done; exit 0`;
  for (let round = 0; round < 2; round += 1) {
    const result = await engine.execute({ runtime: "bash", code });
    assert.ok([0, 137].includes(result.exitCode), `${result.exitCode} ${result.stderr}`);
    await assertNextAreClean();
  }
});

test("a full disk is an error for the program only", async () => {
  const small = { runtime: "bash", code: "head -c 300m /dev/zero >/tmp/full; echo $?" };
  const result = await engine.execute(small);
  assert.ok(["1", ""].includes(result.stdout), result.stdout);
  await assertNextAreClean();
});

test("a program that kills everything it can reach harms only itself", async () => {
  const result = await engine.execute({
    runtime: "bash",
    code: "kill -9 -1; kill -9 1; echo alive",
  });
  assert.match(result.stderr, /\(1\) - Operation not permitted/);
  await assertNextAreClean();
});

test("a program that stops itself is killed at its limit", async () => {
  await timesOut({ runtime: "bash", code: "kill -STOP $$" });
  await assertNextAreClean();
});

test("a timeout holds while the program writes without pause", async () => {
  const result = await timesOut({ runtime: "bash", code: "yes; echo never" });
  assert.equal(result.truncated, true);
  const events = await eventsOf(engine, { runtime: "bash", code: "yes", timeoutMs: 1500 });
  assert.deepEqual(
    events.slice(-2).map(({ type, data }) => [type, data]),
    [
      ["error", "EXECUTION TIMED OUT"],
      ["exit", "137"],
    ],
  );
  assert.match(textOf(events, "stdout"), /OUTPUT TRUNCATED \(\d{7,} bytes, limit: 1048576\)/);
  await assertNextAreClean();
});

test("a timeout holds while the program does not read its large input", async () => {
  await timesOut({ runtime: "bash", code: "sleep 600", stdin: "x".repeat(4 << 20) });
  await assertNextAreClean();
});
