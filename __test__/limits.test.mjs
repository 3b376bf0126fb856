// What a program cannot do to its sandbox, its host or its successor: time, processes, memory.

import assert from "node:assert/strict";
import { sleep, test, withEngine } from "./helpers/harness.mjs";

const TIMED_OUT = /\n?--- EXECUTION TIMED OUT ---$/;

/** Runs programs that time out; the next program in the pool must find nothing of them. */
async function timesOut(request, limitMs = 6000) {
  await withEngine({ poolSize: { clean: 1, dirty: 1 } }, async (engine) => {
    await engine.start({ prewarm: { runtimes: [request.runtime] } });
    const began = Date.now();
    const result = await engine.execute({ timeoutMs: 700, ...request });
    const took = Date.now() - began;
    assert.equal(result.exitCode, 137);
    assert.match(result.stderr, TIMED_OUT);
    assert.ok(took >= 650 && took < limitMs, `it took ${took} ms`);
    assert.ok(result.durationMs >= 650 && result.durationMs < limitMs);
    for (let run = 0; run < 3; run += 1) {
      const next = await engine.execute({ runtime: "bash", code: COUNT });
      assert.equal(next.stdout, "0", "processes that outlived their program");
    }
  });
}

/** Counts the processes of uid 100 beside this shell. */
const COUNT = `n=0
for d in /proc/[0-9]*; do
  p=\${d#/proc/}
  [ "$p" = $$ ] && continue
  read -r _ uid _ < <(grep ^Uid: $d/status 2>/dev/null) || continue
  ppid=$(grep ^PPid: $d/status 2>/dev/null | tr -dc 0-9)
  [ "$uid" = 100 ] && [ "$ppid" != $$ ] && [ "$p" != "$BASHPID" ] && n=$((n+1))
done
echo $n`;

test("a timeout ends the program: 137, and the message ends stderr", async () => {
  await withEngine({ timeoutMs: 500 }, async (engine) => {
    const result = await engine.execute({
      runtime: "bash",
      code: "echo out; echo err >&2; sleep 20; echo never",
    });
    assert.equal(result.exitCode, 137);
    assert.equal(result.stdout, "out");
    assert.equal(result.stderr, "err\n--- EXECUTION TIMED OUT ---");
  });
});

test("what ignores SIGTERM is ended too", () =>
  timesOut({ runtime: "bash", code: "trap '' TERM INT HUP; while :; do sleep 1; done" }));

test("grandchildren that hold the output open are ended", () =>
  timesOut({ runtime: "bash", code: "(sleep 300 & sleep 300) & wait" }));

test("closed outputs do not hide a program from its timeout", () =>
  timesOut({ runtime: "bash", code: "exec >&- 2>&-; sleep 300" }));

test("a busy loop is ended", () => timesOut({ runtime: "python", code: "while True: pass" }));

test("a stopped process is ended", () => timesOut({ runtime: "bash", code: "kill -STOP $$" }));

test("a process in a session of its own is ended", () =>
  timesOut({ runtime: "bash", code: "setsid sleep 300 & setsid -f sleep 300; wait" }));

test("a daemon left behind does not hold the result, and is gone", async () => {
  await withEngine({}, async (engine) => {
    const began = Date.now();
    const code = "setsid -f sleep 300 >/dev/null 2>&1 </dev/null; (sleep 300 &) ; echo done";
    const result = await engine.execute({ runtime: "bash", code, timeoutMs: 20_000 });
    assert.deepEqual([result.stdout, result.exitCode], ["done", 0]);
    assert.ok(Date.now() - began < 5000);
    for (let run = 0; run < 3; run += 1) {
      assert.equal((await engine.execute({ runtime: "bash", code: COUNT })).stdout, "0");
    }
  });
});

test("a fork bomb stays inside", async () => {
  await withEngine({ pidsLimit: 32 }, async (engine) => {
    const bomb = engine.execute({
      runtime: "bash",
      code: ":(){ :|:& };: 2>/dev/null; sleep 20",
      timeoutMs: 1500,
    });
    await sleep(300);
    const began = Date.now();
    const other = await engine.execute({ runtime: "bash", code: "echo alive" });
    assert.equal(other.stdout, "alive");
    assert.ok(Date.now() - began < 5000);
    assert.equal((await bomb).exitCode, 137);
    assert.equal((await engine.execute({ runtime: "bash", code: COUNT })).stdout, "0");
  });
});

test("pidsLimit counts what the user runs", async () => {
  await withEngine({ pidsLimit: 20 }, async (engine) => {
    const code = `import subprocess
n = 0
try:
    while n < 100:
        subprocess.Popen(["sleep", "5"]); n += 1
except OSError as e:
    print(n, type(e).__name__)`;
    const { stdout } = await engine.execute({ runtime: "python", code });
    const [, started] = stdout.match(/^(\d+) BlockingIOError$/) ?? [];
    // The guest and its helpers are counted in addition, so that the user has what was asked for.
    assert.ok(Number(started) >= 19 && Number(started) <= 24, stdout);
  });
});

test("a memory hog is killed, and its host is not", async () => {
  await withEngine({ memoryLimit: "64m" }, async (engine) => {
    const code = "x = []\nwhile True: x.append(bytearray(1 << 20))";
    const result = await engine.execute({ runtime: "python", code, timeoutMs: 20_000 });
    assert.notEqual(result.exitCode, 0);
    assert.doesNotMatch(result.stderr, TIMED_OUT);
    assert.equal((await engine.execute({ runtime: "bash", code: "echo fine" })).stdout, "fine");
  });
});

test("writable places are limited in size", async () => {
  const options = { sandboxSize: "8m", tmpSize: "4m" };
  await withEngine(options, async (engine) => {
    const code = `for p in /sandbox /tmp /dev/shm; do
  head -c 100000000 /dev/zero > $p/f 2>/dev/null && echo "$p took it all"
  stat -c '%s' $p/f
done`;
    const { stdout } = await engine.execute({ runtime: "bash", code });
    const [sandbox, tmp, shm] = stdout.split("\n").map(Number);
    assert.ok(sandbox > 7 << 20 && sandbox <= 8 << 20, stdout);
    assert.ok(tmp > 3 << 20 && tmp <= 4 << 20, stdout);
    assert.ok(shm < 100_000_000, stdout);
  });
});

test("the CPU limit holds", async () => {
  await withEngine({ cpuLimit: 0.2 }, async (engine) => {
    const code =
      "import time\nt=time.time()\nwhile time.time()-t<1.5: pass\nprint(time.process_time())";
    const { stdout } = await engine.execute({ runtime: "python", code });
    assert.ok(Number(stdout) < 0.6, `${stdout} s of CPU in 1.5 s`);
  });
});
