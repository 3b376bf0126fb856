// The limits have the values of the options: processes, size of the writable places, CPU.

import assert from "node:assert/strict";
import { outputOf, test, withEngine } from "./helpers/harness.mjs";

test("pidsLimit counts the processes of the user", async () => {
  await withEngine({ pidsLimit: 20 }, async (engine) => {
    const code = `import subprocess
n = 0
try:
    while n < 100:
        subprocess.Popen(["sleep", "5"]); n += 1
except OSError as e:
    print(n, type(e).__name__)`;
    const stdout = await outputOf(engine, { runtime: "python", code });
    const [, started] = stdout.match(/^(\d+) BlockingIOError$/) ?? [];
    // The guest and its helpers come on top, so that the user gets the full number.
    assert.ok(Number(started) >= 19 && Number(started) <= 24, stdout);
  });
});

test("sandboxSize and tmpSize limit what can be written", async () => {
  await withEngine({ sandboxSize: "8m", tmpSize: "4m" }, async (engine) => {
    const code = `for p in /sandbox /tmp /dev/shm; do
  head -c 100000000 /dev/zero > $p/f 2>/dev/null && echo "$p took it all"
  stat -c '%s' $p/f
done`;
    const stdout = await outputOf(engine, { runtime: "bash", code });
    const [sandbox, tmp, shm] = stdout.split("\n").map(Number);
    assert.ok(sandbox > 7 << 20 && sandbox <= 8 << 20, stdout);
    assert.ok(tmp > 3 << 20 && tmp <= 4 << 20, stdout);
    assert.ok(shm < 100_000_000, stdout);
  });
});

test("/sandbox may hold programs, /tmp may not", async () => {
  await withEngine({}, async (engine) => {
    const code = `for p in /sandbox /tmp; do
  cp /bin/true $p/t; $p/t 2>/dev/null && echo runs || echo refused
done`;
    assert.equal(await outputOf(engine, { runtime: "bash", code }), "runs\nrefused");
  });
});

test("cpuLimit limits CPU time", async () => {
  await withEngine({ cpuLimit: 0.2 }, async (engine) => {
    const code =
      "import time\nt=time.time()\nwhile time.time()-t<1.5: pass\nprint(time.process_time())";
    const used = Number(await outputOf(engine, { runtime: "python", code }));
    assert.ok(used < 0.6, `${used} s of CPU in 1.5 s`);
  });
});
